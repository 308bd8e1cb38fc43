"""A channel on air: one source, one track, its frames and titles, from acceptance to end.

No protocol, no database, no I/O. Whatever publishes is an ingest, whatever subscribes is a
delivery; neither knows of the other. All calls are plain calls on the event loop's thread:
`publish` runs inside the call that reads the source's socket, with no task, queue or await between
the socket and the subscribers.

A source may leave its audio in the kernel until somebody needs it, for each read costs far more than
a frame does: a delivery calls `pull` before it sends, and gets what has come by then. One that needs
frames in time without sending, as HLS would of an Icecast source, has to pull by a timer.
"""

import itertools
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from awazpulse.audio import Frame, Track, measure_frames
from awazpulse.errors import MisuseError

from .title import Title

logger = logging.getLogger(__name__)

_ids = itertools.count(1)


class Source(Protocol):
    """The connected encoder, as a broadcast sees it."""

    def close(self, reason: str) -> None:
        """Cut the encoder off at once. Called at most once; must not call the broadcast back."""

    def pull(self) -> None:
        """Publish what has come by now, if it waits to be asked. Must neither block nor raise."""


class Subscriber(Protocol):
    """A delivery. Its methods must not block, and must not raise."""

    def on_track(self, track: Track) -> None:
        """Frames of another track follow. Called before the first frame, and on attaching."""

    def on_frames(self, frames: Sequence[Frame]) -> None:
        """Take the next frames, at least one. They are shared: change nothing in them."""

    def on_title(self, title: Title) -> None:
        """The title changed; it belongs to the frames that follow."""

    def on_close(self, reason: str) -> None:
        """Tell the listeners: the broadcast is over and no other call follows."""


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


class Broadcast:
    """One source's audio on its way to the subscribers.

    `stream_type` is the delivery type that the channel has selected (`hls` or `icecast`).
    `max_listeners` may change while on air; deliveries ask `has_room` before they take a listener
    and report each by `listener_joined` and `listener_left`.
    """

    def __init__(
        self,
        channel_id: str,
        stream_type: str,
        source: Source,
        *,
        station: Station,
        max_listeners: int,
        now: float,
    ) -> None:
        self.id = next(_ids)
        self.channel_id = channel_id
        self.stream_type = stream_type
        self.station = station
        self.max_listeners = max_listeners
        self.started = now
        self.track: Track | None = None
        self.title = Title()
        self.listeners = 0
        self.peak_listeners = 0
        self.last_frame = now  # monotonic seconds of the last publish
        self.closed_reason: str | None = None
        self.published_bytes = 0
        self.published_samples = 0
        self._source = source
        self._subscribers: list[Subscriber] = []
        self._on_closed: list[Callable[[Broadcast, str], None]] = []

    @property
    def is_closed(self) -> bool:
        """Whether the end has come; a closed broadcast takes and gives nothing."""
        return self.closed_reason is not None

    @property
    def has_room(self) -> bool:
        """Whether one more listener may join."""
        return self.listeners < self.max_listeners

    @property
    def bitrate_kbps(self) -> int | None:
        """What the encoder declared, else what is measured, else None. Kilobits a second."""
        if self.station.bitrate_kbps:
            return self.station.bitrate_kbps
        if self.track is None or not self.published_samples:
            return None
        return round(
            self.published_bytes * 8 * self.track.sample_rate / self.published_samples / 1000
        )

    def set_station(self, station: Station) -> None:
        """Replace what the encoder said of itself (RTMP tells after it is accepted)."""
        self.station = station

    def set_track(self, track: Track) -> None:
        """Announce the track of the frames that follow; the same one again changes nothing."""
        self._require_open()
        if track == self.track:
            return
        self.track = track
        self.published_bytes = self.published_samples = 0
        for subscriber in self._subscribers:
            subscriber.on_track(track)

    def publish(self, frames: Sequence[Frame], now: float) -> None:
        """Hand the next frames, at least one, to every subscriber at once. `now` is monotonic seconds.

        Raises `MisuseError` before the first `set_track` and after the end.
        """
        if self.track is None or self.closed_reason is not None:
            raise MisuseError(f"channel {self.channel_id}: no track yet, or closed")
        self.last_frame = now
        size, samples = measure_frames(frames)
        self.published_bytes += size
        self.published_samples += samples
        for subscriber in self._subscribers:
            if self.is_closed:
                return  # by the subscriber before: no call follows `on_close`
            subscriber.on_frames(frames)

    def pull(self) -> None:
        """Have the source publish what has come by now."""
        if self.closed_reason is None:
            self._source.pull()

    def set_title(self, title: Title) -> None:
        """Announce what plays from the next frame on; the same title again changes nothing."""
        self._require_open()
        self.pull()  # what has come by now belongs to the title before
        if title == self.title or self.closed_reason is not None:
            return
        self.title = title
        for subscriber in self._subscribers:
            subscriber.on_title(title)

    def subscribe(self, subscriber: Subscriber) -> None:
        """Attach a delivery; it is told the track and the title if there are any."""
        self._require_open()
        if self.track is not None:
            subscriber.on_track(self.track)
        if self.title != Title():
            subscriber.on_title(self.title)
        # A new list: one of the old list's subscribers may be running just now.
        self._subscribers = [*self._subscribers, subscriber]

    def on_closed(self, callback: Callable[["Broadcast", str], None]) -> None:
        """Have `callback(broadcast, reason)` called once, after source and listeners are closed."""
        self._require_open()
        self._on_closed.append(callback)

    def listener_joined(self) -> None:
        """Count a listener in."""
        self.listeners += 1
        self.peak_listeners = max(self.peak_listeners, self.listeners)

    def listener_left(self) -> None:
        """Count a listener out; the end has counted everyone out already."""
        if self.closed_reason is None:
            self.listeners -= 1

    def close(self, reason: str) -> None:
        """End the broadcast: the source is closed, the listeners are told, then the rest.

        Every end comes here: a switch, a takeover, a kick, silence, the encoder's own disconnect,
        the server's stop. A second call changes nothing.
        """
        if self.closed_reason is not None:
            return
        self.closed_reason = reason
        subscribers, self._subscribers = self._subscribers, []
        for step in (self._source.close, *(s.on_close for s in subscribers)):
            self._close_step(step, reason)
        self.listeners = 0
        for callback in self._on_closed:
            self._close_step(partial(callback, self), reason)

    def _close_step(self, step: Callable[[str], None], reason: str) -> None:
        try:
            step(reason)
        except Exception:
            # The steps that follow keep the promise to everyone else.
            logger.exception("channel=%s closing failed in one place", self.channel_id)

    def _require_open(self) -> None:
        if self.closed_reason is not None:
            raise MisuseError(f"channel {self.channel_id} is off air: {self.closed_reason}")
