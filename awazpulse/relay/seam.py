"""The seam behind a gap: what of a source's first frames may be sent on. No I/O.

A source that has stalled, with its connection alive, sends afterwards what it could not send before. Silence
has stood in for that already. If it were sent on, every listener would stay behind by the length of the
stall. So frames that run ahead of the clock are left out.

A source that has just connected may begin with a burst. It may run ahead by more, for its listeners have
a full buffer then. But there is a limit for all bursts together: a source that connects again and again
would otherwise add one to the other.

The first MP3 frames behind a seam may refer to bytes of frames that listeners did not get. They are muted
(`audio.reservoir`), so that no decoder complains.
"""

from collections.abc import Sequence
from dataclasses import replace

from awazpulse.audio import Codec, Frame, Track
from awazpulse.audio.reservoir import ReservoirSeam

MAX_LEAD_S = 0.5  # more than encoders and the network deliver early, less than anybody minds
MAX_BURST_S = 2.0  # ahead of the clock, of a source that has just connected
MAX_MENDED_FRAMES = 16  # a reservoir of 511 bytes is three frames of 64 kbit/s; bounds odd audio
SETTLED_S = (
    1.0  # without a frame that ran ahead: the backlog is over. A burst is over by then anyway
)


class Seam:
    """One seam. `covered_until` is up to when something stood in, `now` when the source is heard again.

    `has_backlog`: whether the source may send what it could not send in the gap.
    """

    def __init__(
        self, track: Track, covered_until: float, now: float, *, has_backlog: bool = True
    ) -> None:
        self.dropped = 0
        self.reach = covered_until  # the time that the audio sent so far reaches up to
        self._frame_s = 1 / track.sample_rate
        self._settled_at = now + SETTLED_S
        self._has_backlog = has_backlog
        self._max_lead_s = MAX_LEAD_S if has_backlog else MAX_BURST_S
        self._is_mp3 = track.codec is Codec.MP3
        self._looked_at = 0  # frames, for the reservoir
        self._reservoir = ReservoirSeam() if track.codec is Codec.MP3 else None

    def set_track(self, track: Track) -> None:
        """Frames of another track follow."""
        self._frame_s = 1 / track.sample_rate
        self._is_mp3 = track.codec is Codec.MP3
        self._reservoir = ReservoirSeam() if self._is_mp3 else None
        self._looked_at = 0

    def is_over(self, now: float) -> bool:
        """Whether the source is in time, and needs to be looked at no more."""
        return now >= self._settled_at and self._reservoir is None

    def take(self, frames: Sequence[Frame], now: float) -> Sequence[Frame]:
        """Return the frames to send on, maybe none; those of `frames` that need no change are the same."""
        kept: list[Frame] = []
        is_whole = True
        for frame in frames:
            if self._leave_out(frame, now):
                is_whole = False
                continue
            mended = self._mend(frame)
            is_whole = is_whole and mended is frame
            kept.append(mended)
        return frames if is_whole else kept

    def _leave_out(self, frame: Frame, now: float) -> bool:
        """Say whether a frame runs too far ahead of the clock."""
        duration_s = frame.samples * self._frame_s
        if self.reach + duration_s <= now + self._max_lead_s:
            self.reach += duration_s
            return False
        self.dropped += 1
        if self._has_backlog:
            self._settled_at = now + SETTLED_S
        if self._is_mp3:
            # The next one that is kept refers to what is left out.
            self._reservoir, self._looked_at = ReservoirSeam(), 0
        return True

    def _mend(self, frame: Frame) -> Frame:
        """Mute a frame that refers to what was not sent."""
        reservoir = self._reservoir
        if reservoir is None:
            return frame
        data = reservoir.mend(frame.data)
        self._looked_at += 1
        if reservoir.is_done or self._looked_at >= MAX_MENDED_FRAMES:
            self._reservoir = None
        return frame if data is frame.data else replace(frame, data=data)
