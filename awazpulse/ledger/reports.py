"""Hours listened, peaks, and the audience of each title, from when sessions began and ended. No I/O.

All times are milliseconds since 1970.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

HOUR_MS = 3600 * 1000


@dataclass(frozen=True, slots=True)
class Span:
    """From `start_ms` up to, and without, `end_ms`."""

    start_ms: int
    end_ms: int

    @property
    def length_ms(self) -> int:
        """How long it is."""
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class Bucket:
    """One piece of a report's span."""

    start_ms: int
    hours: float
    average: float
    peak: int


@dataclass(frozen=True, slots=True)
class Play:
    """One performance within the span; `title` and what stands for it."""

    span: Span
    title: str
    artist: str
    track: str


@dataclass(frozen=True, slots=True)
class Performed:
    """A title with all of its performances in the span.

    `audience`: sessions that heard any of it, counted for each performance; `average`: listeners at a
    moment of it.
    """

    title: str
    artist: str
    track: str
    plays: int
    seconds: float
    hours: float
    audience: int
    average: float


class Attendance:
    """The sessions of one channel in one span, as sorted beginnings and ends, cut to the span."""

    def __init__(self, span: Span, sessions: Iterable[tuple[int, int]]) -> None:
        self.span = span
        starts, ends = array("q"), array("q")
        for start_ms, end_ms in sessions:
            first, last = max(start_ms, span.start_ms), min(end_ms, span.end_ms)
            if last > first:
                starts.append(first)
                ends.append(last)
        self._starts = array("q", sorted(starts))
        self._ends = array("q", sorted(ends))
        # What comes before each place added up, so that any piece of the span costs two searches.
        self._start_sums = array("q", accumulate(self._starts, initial=0))
        self._end_sums = array("q", accumulate(self._ends, initial=0))

    def __len__(self) -> int:
        return len(self._starts)

    def listened_ms(self, span: Span) -> int:
        """Return how long all listeners together listened within `span`."""
        return self._listened_before(span.end_ms) - self._listened_before(span.start_ms)

    def count(self, span: Span) -> int:
        """Return how many sessions there were within any part of `span`."""
        return bisect_left(self._starts, span.end_ms) - bisect_right(self._ends, span.start_ms)

    def find_peak(self, span: Span) -> tuple[int, int | None]:
        """Return the most listeners at once within `span`, and when that was first; 0 and None for nobody."""
        starts, ends = self._starts, self._ends
        index, gone = bisect_right(starts, span.start_ms), bisect_right(ends, span.start_ms)
        peak, peak_ms = index - gone, span.start_ms
        for place in range(index, bisect_left(starts, span.end_ms)):
            time_ms = starts[place]
            gone = bisect_right(ends, time_ms, gone)
            if place + 1 - gone > peak:
                peak, peak_ms = place + 1 - gone, time_ms
        return peak, peak_ms if peak else None

    def describe_buckets(self, length_ms: int) -> list[Bucket]:
        """Return the span in pieces of this length; the last one may be shorter."""
        buckets = []
        for start_ms in range(self.span.start_ms, self.span.end_ms, length_ms):
            piece = Span(start_ms, min(start_ms + length_ms, self.span.end_ms))
            listened_ms = self.listened_ms(piece)
            buckets.append(
                Bucket(
                    start_ms,
                    listened_ms / HOUR_MS,
                    listened_ms / piece.length_ms,
                    self.find_peak(piece)[0],
                )
            )
        return buckets

    def _listened_before(self, time_ms: int) -> int:
        """Return how long all listeners together had listened by then."""
        begun = bisect_left(self._starts, time_ms)
        ended = bisect_left(self._ends, time_ms)
        return (begun * time_ms - self._start_sums[begun]) - (
            ended * time_ms - self._end_sums[ended]
        )


def count_performances(attendance: Attendance, plays: Sequence[Play]) -> list[Performed]:
    """Return each title with its audience, the one that was heard longest first."""
    by_title: dict[str, list[Play]] = {}
    for play in plays:
        by_title.setdefault(play.title, []).append(play)
    performed = []
    for title, all_plays in by_title.items():
        spans = [play.span for play in all_plays]
        total_ms = sum(span.length_ms for span in spans)
        listened_ms = sum(map(attendance.listened_ms, spans))
        performed.append(
            Performed(
                title,
                all_plays[-1].artist,
                all_plays[-1].track,
                len(spans),
                total_ms / 1000,
                listened_ms / HOUR_MS,
                sum(map(attendance.count, spans)),
                listened_ms / total_ms if total_ms else 0.0,
            )
        )
    return sorted(performed, key=lambda one: (-one.hours, one.title))
