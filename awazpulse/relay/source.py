"""A source, as a broadcast sees it, and its way into the broadcast. No I/O."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from awazpulse.audio import Frame, Track
from awazpulse.errors import MisuseError

from .ends import End

logger = logging.getLogger(__name__)


class Source(Protocol):
    """The connected encoder."""

    @property
    def is_gone(self) -> bool:
        """Whether nobody waits any more for the decision to put it on air."""

    def close(self, end: End) -> None:
        """Cut the encoder off at once. Called at most once; must not call the broadcast back."""

    def pull(self) -> None:
        """Publish what has come by now, if it waits to be asked. Must neither block nor raise.

        It may find that the source is gone, and end the input. Each `publish` may have closed the input.
        """


@dataclass(frozen=True, slots=True)
class Station:
    """What an encoder says of itself; every field is empty or None when it said nothing."""

    name: str = ""
    description: str = ""
    genre: str = ""
    url: str = ""
    public: bool = False
    bitrate_kbps: int | None = None
    audio_info: str = ""  # ice-audio-info as it came: key=value pairs joined by ';'
    content_type: str = ""
    address: str = ""
    user_agent: str = ""
    # Texts among these that came in another charset than UTF-8, as they came, by the field's name.
    undecoded: Mapping[str, bytes] = field(default_factory=dict, compare=False, repr=False)


class Gate(Protocol):
    """Decides who goes on air. Handed to an ingest by the application."""

    async def connect(
        self, channel_id: str, secret: str, source: Source, station: Station
    ) -> "Input":
        """Make `source` the channel's source, and return its way in.

        Raises a `Refusal`, whose text the encoder's owner is shown; `source` is not closed then. Every
        wait inside is bounded. A source that `is_gone` when the decision is made changes nothing.
        """


class Receiver(Protocol):
    """What an input needs of its broadcast."""

    def take_station(self, station: Station) -> None:
        """Replace what the source says of itself."""

    def take_track(self, track: Track) -> None:
        """Frames of this track follow from the source."""

    def take_frames(self, source_input: "Input", frames: Sequence[Frame], now: float) -> None:
        """Publish the source's frames, or leave them out."""

    def lose_source(self, end: End, now: float) -> None:
        """The source is gone."""


class Input:
    """One source's way into a broadcast. It leads nowhere any more once `is_open` is False.

    A broadcast has one open input at most: another source's `connect` closes it.
    """

    __slots__ = ("_receiver", "has_been_heard", "is_open", "sampler", "source", "station", "track")

    def __init__(self, receiver: Receiver, source: Source, station: Station) -> None:
        self.source = source
        self.station = station
        self.track: Track | None = None
        self.is_open = True
        self.has_been_heard = False  # for the broadcast
        # Asked for now and then by those who measure levels: it is shown what the source sends.
        self.sampler: Callable[[Track, Sequence[Frame]], None] | None = None
        self._receiver = receiver

    def set_station(self, station: Station) -> None:
        """Replace what the encoder said of itself (RTMP tells after it is accepted)."""
        self._require_open()
        self.station = station
        self._receiver.take_station(station)

    def set_track(self, track: Track) -> None:
        """Announce the track of the frames that follow; the same one again changes nothing."""
        self._require_open()
        if track != self.track:
            self.track = track
            self._receiver.take_track(track)

    def publish(self, frames: Sequence[Frame], now: float) -> None:
        """Hand the next frames, at least one, to every delivery at once. `now` is monotonic seconds.

        Raises `MisuseError` before the first `set_track`, and once the input is closed.
        """
        if self.track is None or not self.is_open:
            self._require_open()
            raise MisuseError("got frames before their track")
        self._receiver.take_frames(self, frames, now)
        if self.sampler is not None:
            try:
                self.sampler(self.track, frames)
            except Exception:
                self.sampler = None  # who measures must not cost the source its place
                logger.exception("a sampler has failed, and is not asked again")

    def end(self, end: End, now: float) -> None:
        """Say that the source is gone, by itself. The broadcast waits for one that comes back.

        The source is not called back. A second call changes nothing.
        """
        if self.is_open:
            self.is_open = False
            self._receiver.lose_source(end, now)

    def _require_open(self) -> None:
        if not self.is_open:
            raise MisuseError("this source is off air")
