"""The seam behind a gap: what of a source's first frames may be sent on. No I/O.

A source that has stalled, with its connection alive, sends afterwards what it could not send before. Silence
has stood in for that already. Sent on, it would leave every listener behind by the length of the stall, for
good; so what runs ahead of the clock is left out.
"""

from collections.abc import Sequence

from awazpulse.audio import Frame, Track

MAX_LEAD_S = 0.5  # more than encoders and the network deliver early, less than anybody minds
SETTLED_S = 1.0  # without a frame that ran ahead: the backlog is over


class Seam:
    """One seam. `covered_until` is up to when something stood in, `now` when the source is heard again."""

    def __init__(self, track: Track, covered_until: float, now: float) -> None:
        self.dropped = 0
        self.reach = covered_until  # the time that the audio sent so far reaches up to
        self._frame_s = 1 / track.sample_rate
        self._settled_at = now + SETTLED_S

    def set_track(self, track: Track) -> None:
        """Frames of another track follow."""
        self._frame_s = 1 / track.sample_rate

    def is_over(self, now: float) -> bool:
        """Whether the source is in time, and needs to be looked at no more."""
        return now >= self._settled_at

    def take(self, frames: Sequence[Frame], now: float) -> Sequence[Frame]:
        """Return the frames to send on, maybe none."""
        kept: list[Frame] = []
        for frame in frames:
            duration_s = frame.samples * self._frame_s
            if self.reach + duration_s > now + MAX_LEAD_S:
                self.dropped += 1
                self._settled_at = now + SETTLED_S
                continue
            self.reach += duration_s
            kept.append(frame)
        return frames if len(kept) == len(frames) else kept
