import pytest
from hypothesis import given
from hypothesis import strategies as st

from awazpulse.relay.ring import Ring


@given(st.lists(st.binary(max_size=60), max_size=80))
def test_every_range_that_the_ring_still_holds_reads_as_it_was_written(
    pieces: list[bytes],
) -> None:
    ring = Ring(capacity=100, join_window=40)
    written = b""
    for piece in pieces:
        ring.append(piece)
        written += piece
        assert ring.end == len(written)
        assert ring.start == max(0, len(written) - 100)
        for start in range(ring.start, ring.end + 1, 7):
            assert bytes(ring.read(start, ring.end)) == written[start:]
        middle = (ring.start + ring.end) // 2
        assert bytes(ring.read(ring.start, middle)) == written[ring.start : middle]


def test_a_joiner_begins_at_the_oldest_frame_inside_the_window() -> None:
    ring = Ring(capacity=1000, join_window=100)
    assert ring.oldest_join_point == (0, 0)
    for _ in range(20):
        ring.mark_join_point()
        ring.append(bytes(30))
    assert ring.oldest_join_point == (510, 0)
    assert ring.newest_join_point == (570, 0)


def test_the_last_join_point_stays_however_long_ago_it_was() -> None:
    ring = Ring(capacity=1000, join_window=100)
    ring.mark_join_point(padding=5)
    ring.append(bytes(600))
    assert ring.oldest_join_point == ring.newest_join_point == (0, 5)


def test_a_window_as_large_as_the_ring_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="100 bytes in a ring of 100"):
        Ring(capacity=100, join_window=100)
