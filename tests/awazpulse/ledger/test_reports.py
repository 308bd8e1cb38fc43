"""Reports against the plainest possible count, second by second."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awazpulse.ledger.reports import HOUR_MS, Attendance, Play, Span, count_performances

END = 40
SPAN = Span(5, 35)
times = st.integers(0, END)
sessions = st.lists(st.tuples(times, times).map(lambda pair: (min(pair), max(pair))), max_size=30)


def count_at(kept: list[tuple[int, int]], time: int) -> int:
    return sum(start <= time < end for start, end in kept)


def cut(all_sessions: list[tuple[int, int]]) -> list[tuple[int, int]]:
    kept = [(max(s, SPAN.start_ms), min(e, SPAN.end_ms)) for s, e in all_sessions]
    return [(s, e) for s, e in kept if e > s]


@given(sessions, times, times)
def test_against_a_count_of_every_moment(
    all_sessions: list[tuple[int, int]], one: int, other: int
) -> None:
    attendance = Attendance(SPAN, all_sessions)
    kept = cut(all_sessions)
    start, end = sorted((min(max(one, 5), 34), min(max(other, 6), 35)))
    piece = Span(start, end if end > start else start + 1)
    moments = range(piece.start_ms, piece.end_ms)
    counts = [count_at(kept, time) for time in moments]
    assert len(attendance) == len(kept)
    assert attendance.listened_ms(piece) == sum(counts)
    assert attendance.count(piece) == sum(s < piece.end_ms and e > piece.start_ms for s, e in kept)
    peak, peak_ms = attendance.find_peak(piece)
    assert peak == max(counts)
    if peak:
        assert peak_ms == moments[counts.index(peak)]
    else:
        assert peak_ms is None


@given(sessions, st.integers(1, 40))
def test_pieces_add_up_to_the_whole(all_sessions: list[tuple[int, int]], length: int) -> None:
    attendance = Attendance(SPAN, all_sessions)
    pieces = attendance.describe_buckets(length)
    assert pieces[0].start_ms == SPAN.start_ms
    assert sum(piece.hours for piece in pieces) * HOUR_MS == pytest.approx(
        attendance.listened_ms(SPAN)
    )
    assert max(piece.peak for piece in pieces) == attendance.find_peak(SPAN)[0]


def test_a_peak_of_those_who_were_there_before_is_at_the_spans_start() -> None:
    attendance = Attendance(Span(100, 200), [(0, 150), (50, 300), (160, 170)])
    assert attendance.find_peak(attendance.span) == (2, 100)


def test_one_who_leaves_as_another_comes_is_not_counted_with_him() -> None:
    attendance = Attendance(Span(0, 100), [(0, 50), (50, 100)])
    assert attendance.find_peak(attendance.span) == (1, 0)


def test_titles_with_their_audience() -> None:
    hour = HOUR_MS
    attendance = Attendance(Span(0, 4 * hour), [(0, 2 * hour), (0, hour), (hour, 4 * hour)])
    plays = [
        Play(Span(0, hour), "A - B", "A", "B"),
        Play(Span(hour, 2 * hour), "C", "", "C"),
        Play(Span(2 * hour, 3 * hour), "A - B", "A", "B"),
    ]
    first, second = count_performances(attendance, plays)
    assert (first.title, first.artist, first.track) == ("A - B", "A", "B")
    assert (first.plays, first.seconds, first.hours) == (2, 7200.0, 3.0)
    assert (first.audience, first.average) == (3, 1.5)
    assert (second.title, second.plays, second.hours, second.average) == ("C", 1, 2.0, 2.0)
