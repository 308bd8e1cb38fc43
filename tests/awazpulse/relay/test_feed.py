from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awazpulse.audio import Frame, FrameRun
from awazpulse.relay.feed import Entry, PlainFeed


def frames(*sizes: int) -> list[Frame]:
    return [Frame(0, 1152, bytes([n % 256]) * size) for n, size in enumerate(sizes)]


@pytest.mark.parametrize("at_once", [1, 3, 20])
def test_a_joiner_begins_at_the_oldest_frame_inside_the_burst(at_once: int) -> None:
    feed = PlainFeed(queue_bytes=1000, burst_bytes=100)
    assert feed.join() == Entry(b"", 0)
    for _ in range(60 // at_once):
        feed.append(frames(*[30] * at_once))
    assert feed.join() == Entry(b"", 1710)
    assert feed.rejoin(0) == Entry(b"", 1770)


def test_the_newest_frame_is_joined_even_if_it_is_larger_than_the_burst() -> None:
    feed = PlainFeed(queue_bytes=1000, burst_bytes=100)
    feed.append(frames(30, 30, 600))
    assert feed.join() == feed.rejoin(0) == Entry(b"", 60)


def run(*sizes: int) -> FrameRun:
    data = b"".join(frame.data for frame in frames(*sizes))
    return FrameRun(
        data, sizes, samples=1, header_bytes=0, base_ms=0, samples_before=0, sample_rate=1
    )


BATCHES = st.lists(
    st.tuples(
        st.sampled_from([frames, run]), st.lists(st.integers(1, 60), min_size=1, max_size=12)
    ),
    max_size=30,
)


@given(BATCHES)
def test_frames_begin_where_they_were_put_however_they_came(
    batches: list[tuple[Callable[..., Sequence[Frame]], list[int]]],
) -> None:
    feed = PlainFeed(queue_bytes=2000, burst_bytes=300)
    starts, end = [], 0
    for make, batch in batches:
        feed.append(make(*batch))
        for size in batch:
            starts.append(end)
            end += size
    assert feed.end == end
    burst = [start for start in starts if start >= end - 300] or starts[-1:] or [0]
    assert (feed.oldest_frame(), feed.newest_frame()) == (burst[0], burst[-1])
    for position in range(0, burst[-1] + 1, 13):
        assert feed.frame_from(position) == min(s for s in burst if s >= position)
    assert feed.frame_from(end) == burst[-1]
    assert (
        bytes(feed.read(feed.start, end))
        == b"".join(
            bytes([n % 256]) * size for _, batch in batches for n, size in enumerate(batch)
        )[-2000:]
    )


def test_what_was_appended_at_once_reads_as_one_piece() -> None:
    feed = PlainFeed(queue_bytes=100, burst_bytes=50)
    feed.append(frames(30, 30, 30, 30))
    assert (feed.start, feed.end, feed.capacity) == (20, 120, 100)
    assert bytes(feed.read(20, 120)) == b"".join(f.data for f in frames(30, 30, 30, 30))[20:]


def test_a_burst_as_large_as_the_queue_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="100 bytes in a queue of 100"):
        PlainFeed(queue_bytes=100, burst_bytes=100)
