"""Cuts one broadcast's frames into segments of two seconds, by counting samples. No I/O.

Contract: `push` takes the frames in order and returns the cuts that they complete; `set_track` and
`flush` return what was left over, or None. Every frame is in exactly one cut, in order.

Time line: PTS = base + samples * 90000 // rate, where `samples` counts from the last anchor. PTS
never jumps, so players that ignore discontinuities (FFmpeg, VLC) play on across them. The source's
timestamps are not used for it: milliseconds do not fit 44.1 kHz, and iOS clicks at each correction.
Nor can they be believed: there are sources whose timestamps stand still, or are 8 % slow.

Segment k after an anchor ends at frame round(k * 2 * rate / frame_samples): 86 or 87 AAC frames at
44.1 kHz, never off by more than half a frame in the long run.

Discontinuities: where audio is missing, and where the track changes. Audio is missing when
- the source's timestamps jump forward by more than `MAX_JUMP_MS` from one frame to the next, and
  the frame arrives later than its count by more than that, too. Late alone is a stalled network,
  whose audio comes afterwards. A jump alone is a wrong clock, which is not looked at again;
- after a break (`mark_break`), the frames that arrive first end later than their count by more than
  `LATE_S`.
Drift between the source's clock and ours is no discontinuity: `dating` follows it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from awazpulse.audio import Frame, Track, measure_frames

from .dating import LATE_S, Dating

SEGMENT_S = 2
TARGET_DURATION_S = 2  # RFC 8216 §4.3.3.1: no EXTINF may round to more, and it never changes
LONGEST_SEGMENT_S = 2.4  # below 2.5, which would round to 3; only frames of 0.4 s come near it
CLOCK_HZ = 90_000  # ISO/IEC 13818-1 §2.4.3.7
FIRST_PTS = CLOCK_HZ  # a second: the PCR runs 0.7 s ahead and must not be negative
MAX_JUMP_MS = 500


@dataclass(frozen=True, slots=True)
class Cut:
    """The frames of one segment.

    `base_pts` (unwrapped 90 kHz) is the anchor's, `first_sample` the count at the first frame;
    `recorded` is when the first sample was recorded, in monotonic seconds, as `dating` estimates it.
    """

    track: Track
    frames: tuple[Frame, ...]
    base_pts: int
    first_sample: int
    samples: int
    size_bytes: int
    recorded: float
    discontinuity: bool

    @property
    def duration_s(self) -> float:
        """Seconds of audio, by samples."""
        return self.samples / self.track.sample_rate

    def pts_of(self, sample: int) -> int:
        """Return the unwrapped PTS of a frame that begins `sample` samples into this cut."""
        return self.base_pts + (self.first_sample + sample) * CLOCK_HZ // self.track.sample_rate


class Segmenter:
    """Cuts one broadcast; see the module's head.

    `first_pts` continues an earlier broadcast's time line, and `resumed` says that there was one:
    the first cut is a discontinuity then.
    """

    def __init__(
        self, *, first_pts: int = FIRST_PTS, resumed: bool = False, max_segment_bytes: int
    ) -> None:
        self._max_segment_bytes = max_segment_bytes
        self._track: Track | None = None
        self._discontinuity = resumed  # of the cut to come
        # The count
        self._base_pts = first_pts
        self._base_s = 0.0  # the anchor's place on the time line that begins with this broadcast
        self._samples = 0  # since the anchor
        self._cuts = 0  # since the anchor, by length; boundary k ends cut k
        self._boundary = 0  # in samples since the anchor
        # The cut to come
        self._frames: list[Frame] = []
        self._first_sample = 0
        self._size_bytes = 0
        self._longest_samples = 0.0
        # The arrivals
        self._dating = Dating()
        self._least_lag_s = math.inf  # since the end of the cut before
        self._arrived = 0.0  # the last frame
        self._cut_arrived = 0.0  # the last frame of the cut before
        # The source's clock
        self._last: Frame | None = None  # None: the next frame's timestamp says nothing
        self._is_clock_wrong = False
        self._is_after_break = False

    @property
    def next_pts(self) -> int:
        """The unwrapped PTS at which the next frame begins."""
        if self._track is None:
            return self._base_pts
        return self._base_pts + self._samples * CLOCK_HZ // self._track.sample_rate

    def set_track(self, track: Track) -> Cut | None:
        """Take the track of the frames to come; return the last cut of the old one."""
        cut = self.flush()
        self._discontinuity |= self._track is not None
        self._drop_anchor()
        self._track = track
        self._longest_samples = LONGEST_SEGMENT_S * track.sample_rate
        self._set_boundary()
        self.mark_break()
        return cut

    def mark_break(self) -> None:
        """Expect frames that do not go on from those before, nor do their timestamps.

        The count goes on. It is a discontinuity if audio is missing; see the module's head.
        """
        self._is_after_break = True
        self._last = None
        self._is_clock_wrong = False

    def push(self, frames: Sequence[Frame], now: float) -> Sequence[Cut]:
        """Take the next frames, which arrive together at `now`; return the cuts that they end."""
        track = self._track
        assert track is not None, "a broadcast publishes no frame before its track"
        cuts: list[Cut] = []
        if self._is_after_break:
            self._settle_break(frames, now, cuts)
        last = self._last
        for frame in frames:
            # Cheap for each frame; `_measure_gap` finds out what it is.
            if last is not None and not 0 <= frame.timestamp_ms - last.timestamp_ms <= MAX_JUMP_MS:
                lag_s = self._measure_gap(last, frame, now)
                if lag_s is not None:
                    self._interrupt(lag_s, now, cuts)
            last = frame
            samples, size_bytes = frame.samples, len(frame.data)
            if self._frames and (
                self._size_bytes + size_bytes > self._max_segment_bytes
                or self._samples + samples > self._first_sample + self._longest_samples
            ):
                self._cut(now, cuts)
            self._frames.append(frame)
            self._size_bytes += size_bytes
            self._samples += samples
            if self._samples >= self._boundary:
                self._cut(now, cuts)
                self._set_boundary()
        self._last = last
        # As in `_cut`, without calls: each would cost a twentieth of all that is done for a frame.
        lag_s = now - self._base_s - self._samples / track.sample_rate
        if lag_s < self._least_lag_s:  # noqa: PLR1730 -- see above
            self._least_lag_s = lag_s
        self._arrived = now
        return cuts

    def flush(self) -> Cut | None:
        """Return what has been taken since the last cut, if anything."""
        if not self._frames:
            return None
        track = self._track
        assert track is not None, "frames without a track"
        samples = self._samples - self._first_sample
        lag_s = self._dating.follow(
            self._least_lag_s,
            duration_s=samples / track.sample_rate,
            waited_s=self._arrived - self._cut_arrived,
        )
        cut = Cut(
            track,
            tuple(self._frames),
            self._base_pts,
            self._first_sample,
            samples,
            self._size_bytes,
            self._base_s + self._first_sample / track.sample_rate + lag_s,
            self._discontinuity,
        )
        self._frames.clear()
        self._first_sample = self._samples
        self._size_bytes = 0
        self._least_lag_s = math.inf
        self._cut_arrived = self._arrived
        self._discontinuity = False
        return cut

    def _cut(self, now: float, cuts: list[Cut]) -> None:
        """Add to `cuts` what has been taken since the last one, if anything."""
        if self._frames:
            self._least_lag_s = min(self._least_lag_s, self._lag_in(0, now))
            self._arrived = now
        cut = self.flush()
        if cut is not None:
            cuts.append(cut)

    def _lag_in(self, samples: int, now: float) -> float:
        """Return the lag of a frame that arrives at `now` and ends `samples` from here."""
        assert self._track is not None, "frames without a track"
        return now - self._base_s - (self._samples + samples) / self._track.sample_rate

    def _usual_lag_s(self) -> float:
        """Return the lag that the next frame is expected to have; infinite before the first."""
        lag_s = self._dating.lag_s
        return self._least_lag_s if lag_s is None else min(lag_s, self._least_lag_s)

    def _settle_break(self, frames: Sequence[Frame], now: float, cuts: list[Cut]) -> None:
        """Find out whether audio is missing before `frames`.

        Judged by the end of what arrives at once: what stands in for a lost source may begin
        seconds late, and catch up with the clock in one call.
        """
        self._is_after_break = False
        _, samples = measure_frames(frames)
        lag_s = self._lag_in(samples, now)
        if lag_s > self._usual_lag_s() + LATE_S:
            self._interrupt(lag_s, now, cuts)

    def _measure_gap(self, last: Frame, frame: Frame, now: float) -> float | None:
        """Return the lag that holds from `frame` on if audio is missing before it, else None.

        The clock of a source whose timestamps jump without a gap is wrong.
        """
        assert self._track is not None, "frames without a track"
        moved_ms = frame.timestamp_ms - last.timestamp_ms
        jump_ms = moved_ms - last.samples * 1000 // self._track.sample_rate
        if self._is_clock_wrong or abs(jump_ms) <= MAX_JUMP_MS:
            return None
        lag_s, usual_lag_s = self._lag_in(frame.samples, now), self._usual_lag_s()
        if jump_ms < 0 or lag_s - usual_lag_s <= MAX_JUMP_MS / 1000:
            self._is_clock_wrong = True
            return None
        # What is later than the jump explains has been held up by the network besides.
        return min(lag_s, usual_lag_s + jump_ms / 1000)

    def _interrupt(self, lag_s: float, now: float, cuts: list[Cut]) -> None:
        """Begin anew behind missing audio, where `lag_s` holds; PTS goes on."""
        self._cut(now, cuts)
        self._drop_anchor()
        self._set_boundary()
        self._discontinuity = True
        self._dating.restart(lag_s)
        self._least_lag_s = math.inf
        self._cut_arrived = now

    def _drop_anchor(self) -> None:
        self._base_pts = self.next_pts
        if self._track is not None:
            self._base_s += self._samples / self._track.sample_rate
        self._samples = self._first_sample = 0
        self._cuts = self._boundary = 0

    def _set_boundary(self) -> None:
        """Move the boundary to the first one that is still ahead."""
        track = self._track
        assert track is not None, "frames without a track"
        while self._boundary <= self._samples:
            self._cuts += 1
            frames = round(self._cuts * SEGMENT_S * track.sample_rate / track.frame_samples)
            self._boundary = frames * track.frame_samples
