"""What is sent while a source is away: silence, or the channel's fallback, at the pace of the clock. No I/O."""

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Protocol

from awazpulse.audio import Frame, FrameRun, Track

from .title import Title

MAX_FRAMES_AT_ONCE = (
    512  # in one run: 12 s of audio; a loop that was held up catches up in few runs
)
# Players hold about as much as this. When more is missing they have stalled, and whatever is sent beyond it
# keeps them behind the clock for good.
MAX_BEHIND_S = 5.0


class Sound(Enum):
    """What a broadcast sends."""

    NOTHING = "nothing"
    SOURCE = "source"
    SILENCE = "silence"
    FALLBACK = "fallback"


class Reel(Protocol):
    """Frames of one track without an end. Its methods neither block nor wait."""

    @property
    def track(self) -> Track:
        """What the frames are."""

    @property
    def title(self) -> Title:
        """What plays; empty for silence. It may change."""

    @property
    def is_outdated(self) -> bool:
        """Whether another one is ready to be opened in its place."""

    def take(self, count: int) -> Sequence[Frame]:
        """Return the next frames: at least one, and `count` at most."""

    def close(self) -> None:
        """Give back what it holds."""


class StandIns(Protocol):
    """Where a broadcast gets what stands in. Nothing here waits: what is not ready is None."""

    def prepare(self, channel_id: str, track: Track, bitrate_kbps: int | None) -> None:
        """Make ready, in the background, what may be asked for while this track is on air."""

    def open_silence(self, track: Track) -> Reel | None:
        """Return silence of exactly this track."""

    def open_fallback(self, channel_id: str, track: Track | None) -> Reel | None:
        """Return the channel's fallback, in this track's format; in any for None."""


class NoStandIns:
    """For broadcasts that have nothing to put in their source's place."""

    def prepare(self, channel_id: str, track: Track, bitrate_kbps: int | None) -> None:
        """See `StandIns`."""

    def open_silence(self, track: Track) -> Reel | None:  # noqa: ARG002
        """See `StandIns`."""
        return None

    def open_fallback(self, channel_id: str, track: Track | None) -> Reel | None:  # noqa: ARG002
        """See `StandIns`."""
        return None


class SilentReel:
    """One frame of silence of a track, again and again."""

    title = Title()
    is_outdated = False

    def __init__(self, track: Track, frame: bytes, header_bytes: int) -> None:
        self.track = track
        self._frame = frame
        self._header_bytes = header_bytes
        self._taken = 0

    def take(self, count: int) -> FrameRun:
        """See `Reel`."""
        samples = self.track.frame_samples
        run = FrameRun(
            self._frame * count,
            [len(self._frame)] * count,
            samples=samples,
            header_bytes=self._header_bytes,
            base_ms=0,
            samples_before=self._taken * samples,
            sample_rate=self.track.sample_rate,
        )
        self._taken += count
        return run

    def close(self) -> None:
        """See `Reel`."""


class StandIn:
    """A reel that plays by the clock since `start` (monotonic seconds)."""

    def __init__(self, sound: Sound, reel: Reel, start: float) -> None:
        self.sound = sound
        self.reel = reel
        self._start = start
        self._frames = 0  # taken so far

    @property
    def covered_until(self) -> float:
        """The time up to which it has stood in."""
        track = self.reel.track
        return self._start + self._frames * track.frame_samples / track.sample_rate

    def skip_to(self, now: float) -> bool:
        """Leave out what is too late to be sent; say whether that parts frames from those before."""
        missed_s = now - MAX_BEHIND_S - self.covered_until
        if missed_s <= 0:
            return False
        self._start += missed_s
        return self._frames > 0

    def take_due(self, now: float) -> Iterator[Sequence[Frame]]:
        """Yield the frames whose time has come by `now`, `MAX_FRAMES_AT_ONCE` at once.

        Raises what the reel does, and `ValueError` for one that has no more frames.
        """
        track = self.reel.track
        due = int((now - self._start) * track.sample_rate / track.frame_samples)
        while self._frames < due:
            frames = self._take(min(due - self._frames, MAX_FRAMES_AT_ONCE))
            self._frames += len(frames)
            yield frames

    def _take(self, count: int) -> Sequence[Frame]:
        """Return `count` frames at once, also from a reel that gives fewer: its file ends and begins anew."""
        frames = self._take_some(count)
        if len(frames) == count:
            return frames
        joined = list(frames)
        while len(joined) < count:
            joined += self._take_some(count - len(joined))
        return joined

    def _take_some(self, count: int) -> Sequence[Frame]:
        frames = self.reel.take(count)
        if not frames:
            raise ValueError("it has no more frames")
        return frames
