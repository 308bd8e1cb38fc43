from hypothesis import given
from hypothesis import strategies as st

from awazpulse.relay.ring import Ring


@given(st.lists(st.binary(max_size=250), max_size=80))
def test_every_range_that_the_ring_still_holds_reads_as_it_was_written(
    pieces: list[bytes],
) -> None:
    ring = Ring(capacity=100)
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
