from hypothesis import given
from hypothesis import strategies as st

from ingest.rtmp.timestamps import RESET_MS, Timeline


def _unwrap(*timestamps: int) -> list[int]:
    timeline = Timeline()
    return [timeline.unwrap(timestamp) for timestamp in timestamps]


def test_times_that_go_on_are_kept() -> None:
    assert _unwrap(1000, 1023, 1046) == [1000, 1023, 1046]


def test_a_wrap_at_32_bits_goes_on() -> None:
    assert _unwrap(2**32 - 10, 13, 36) == [2**32 - 10, 2**32 + 13, 2**32 + 36]


def test_a_small_step_back_stands_still_and_shifts_nothing() -> None:
    assert _unwrap(1000, 980, 1023) == [1000, 1000, 1023]


def test_a_step_back_at_the_limit_stands_still_and_one_past_it_is_a_reset() -> None:
    start = 100_000
    assert _unwrap(start, start - RESET_MS, start + 20) == [start, start, start + 20]
    assert _unwrap(start, start - RESET_MS - 1, start - RESET_MS + 19) == [start, start, start + 20]


def test_after_a_reset_the_clock_goes_on_from_where_it_was() -> None:
    assert _unwrap(3_600_000, 0, 23, 46) == [3_600_000, 3_600_000, 3_600_023, 3_600_046]


def test_a_second_wrap_goes_on_too() -> None:
    step = 2**31 - 1
    times = [count * step % 2**32 for count in range(6)]
    assert _unwrap(*times) == [count * step for count in range(6)]


@given(st.lists(st.integers(0, 2**32 - 1)))
def test_no_sequence_of_times_goes_back(timestamps: list[int]) -> None:
    times = _unwrap(*timestamps)
    assert times == sorted(times)


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 2**31 - 1)))
def test_every_step_forward_is_kept(first: int, steps: list[int]) -> None:
    times = [first]
    for step in steps:
        times.append(times[-1] + step)
    assert _unwrap(*(time % 2**32 for time in times)) == times
