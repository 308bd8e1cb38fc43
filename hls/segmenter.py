"""Cuts one broadcast's frames into segments of two seconds, by counting samples. No I/O.

Contract: `push` takes the frames in order and returns the `Cut` that a frame completes, or None;
`set_track` and `flush` return what was left over. Every frame is in exactly one cut, in order.

Time line: PTS = base + samples * 90000 // rate, where `samples` counts from the last anchor. The
source's milliseconds are not used for it: they do not fit 44.1 kHz, and iOS clicks at each
correction. They only tell when the source jumped: past `MAX_DRIFT_MS` between its clock and the
count, the count is anchored anew, with a discontinuity. PTS itself never jumps, so players that
ignore discontinuities (FFmpeg, VLC) play on across them.

Segment k after an anchor ends at frame round(k * 2 * rate / frame_samples): 86 or 87 AAC frames at
44.1 kHz, never off by more than half a frame in the long run.
"""

from dataclasses import dataclass

from awazpulse.audio import Frame, Track

SEGMENT_S = 2
TARGET_DURATION_S = 2  # RFC 8216 §4.3.3.1: no EXTINF may round to more, and it never changes
LONGEST_SEGMENT_S = 2.4  # below 2.5, which would round to 3; only frames of 0.4 s come near it
CLOCK_HZ = 90_000  # ISO/IEC 13818-1 §2.4.3.7
FIRST_PTS = CLOCK_HZ  # a second: the PCR runs 0.7 s ahead and must not be negative
MAX_DRIFT_MS = 500


@dataclass(frozen=True, slots=True)
class Cut:
    """The frames of one segment.

    `base_pts` (unwrapped 90 kHz) is the anchor's, `first_sample` the count at the first frame;
    `wall` is the Unix time at which the first frame came, by the count since the anchor.
    """

    track: Track
    frames: tuple[Frame, ...]
    base_pts: int
    first_sample: int
    samples: int
    size_bytes: int
    wall: float
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
        self._base_pts = first_pts
        self._anchored = False
        self._anchor_ms = 0
        self._anchor_wall = 0.0
        self._cuts = 0  # since the anchor, by length; boundary k ends cut k
        self._boundary = 0  # in samples since the anchor
        self._samples = 0  # since the anchor
        self._frames: list[Frame] = []
        self._first_sample = 0  # of the cut to come
        self._size_bytes = 0

    @property
    def next_pts(self) -> int:
        """The unwrapped PTS at which the next frame begins."""
        if self._track is None:
            return self._base_pts
        return self._base_pts + self._samples * CLOCK_HZ // self._track.sample_rate

    def set_track(self, track: Track) -> Cut | None:
        """Take the track of the frames to come; return the last cut of the old one."""
        cut = self.flush()
        self._drop_anchor()
        self._discontinuity |= self._track is not None
        self._track = track
        return cut

    def push(self, frame: Frame, wall: float) -> Cut | None:
        """Take the next frame, which came at Unix time `wall`; return the cut that it ends."""
        track = self._track
        assert track is not None, "a broadcast publishes no frame before its track"
        cut = None
        if self._anchored and self._has_jumped(frame, track):
            cut = self.flush()
            self._drop_anchor()
            self._discontinuity = True
        elif self._frames and self._would_overflow(frame, track):
            cut = self.flush()
        if not self._anchored:
            self._anchor(frame, track, wall)
        self._frames.append(frame)
        self._samples += frame.samples
        self._size_bytes += len(frame.data)
        if self._samples < self._boundary or cut is not None:
            return cut
        self._set_boundary(track)
        return self.flush()

    def flush(self) -> Cut | None:
        """Return what has been taken since the last cut, if anything."""
        if not self._frames:
            return None
        assert self._track is not None, "frames without a track"
        wall = self._anchor_wall + self._first_sample / self._track.sample_rate
        cut = Cut(
            self._track,
            tuple(self._frames),
            self._base_pts,
            self._first_sample,
            self._samples - self._first_sample,
            self._size_bytes,
            wall,
            self._discontinuity,
        )
        self._frames.clear()
        self._first_sample = self._samples
        self._size_bytes = 0
        self._discontinuity = False
        return cut

    def _has_jumped(self, frame: Frame, track: Track) -> bool:
        counted_ms = self._anchor_ms + self._samples * 1000 // track.sample_rate
        return abs(frame.timestamp_ms - counted_ms) > MAX_DRIFT_MS

    def _would_overflow(self, frame: Frame, track: Track) -> bool:
        samples = self._samples + frame.samples - self._first_sample
        return (
            samples > LONGEST_SEGMENT_S * track.sample_rate
            or self._size_bytes + len(frame.data) > self._max_segment_bytes
        )

    def _drop_anchor(self) -> None:
        self._base_pts = self.next_pts
        self._samples = self._first_sample = 0
        self._anchored = False

    def _anchor(self, frame: Frame, track: Track, wall: float) -> None:
        self._anchored = True
        self._anchor_ms = frame.timestamp_ms
        self._anchor_wall = wall
        self._cuts = 0
        self._boundary = 0
        self._set_boundary(track)

    def _set_boundary(self, track: Track) -> None:
        """Move the boundary to the first one that is still ahead."""
        while self._boundary <= self._samples:
            self._cuts += 1
            frames = round(self._cuts * SEGMENT_S * track.sample_rate / track.frame_samples)
            self._boundary = frames * track.frame_samples
