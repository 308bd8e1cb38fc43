import pytest
from hypothesis import given
from hypothesis import strategies as st

from icecast_compat.body import MAX_CHUNK_LINE_BYTES, ChunkedBody, MetadataStripper, RawBody
from icecast_compat.errors import MalformedBody


@given(
    st.lists(st.binary(min_size=1, max_size=300), max_size=10),
    st.integers(1, 50),
    st.sampled_from([b"\r\n", b"\n", b";ext=1\r\n"]),
)
def test_chunks_come_out_as_they_went_in_however_they_are_cut(
    chunks: list[bytes], size: int, line_end: bytes
) -> None:
    data = b"".join(b"%x" % len(c) + line_end + c + b"\r\n" for c in chunks) + b"0\r\n\r\n"
    body = ChunkedBody()
    audio = b"".join(body.receive_data(data[at : at + size]) for at in range(0, len(data), size))
    assert audio == b"".join(chunks)
    assert body.at_end


@pytest.mark.parametrize("data", [b"xyz\r\n", b"-1\r\n", b"3\r\nabcd\r\n", b"\r\n"])
def test_broken_chunks_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedBody):
        ChunkedBody().receive_data(data)


def test_a_size_line_at_the_limit_passes_and_one_byte_more_does_not() -> None:
    line = b"1;".ljust(MAX_CHUNK_LINE_BYTES, b"x")
    assert ChunkedBody().receive_data(line + b"\na") == b"a"
    with pytest.raises(MalformedBody):
        ChunkedBody().receive_data(line + b"x")


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_random_chunks_are_read_or_refused(pieces: list[bytes]) -> None:
    body = ChunkedBody()
    try:
        for piece in pieces:
            body.receive_data(piece)
    except MalformedBody:
        pass


def test_a_raw_body_goes_on_for_ever_or_to_its_length() -> None:
    assert RawBody().receive_data(b"abc") == b"abc"
    body = RawBody(4)
    assert (body.receive_data(b"abc"), body.at_end) == (b"abc", False)
    assert (body.receive_data(b"def"), body.at_end) == (b"d", True)


@given(
    st.binary(max_size=2000),
    st.integers(1, 100),
    st.lists(st.integers(0, 255), min_size=1),
    st.integers(1, 99),
)
def test_metadata_blocks_are_taken_out_however_they_are_cut(
    audio: bytes, metaint: int, lengths: list[int], size: int
) -> None:
    data = b""
    for n, at in enumerate(range(0, len(audio), metaint)):
        piece = audio[at : at + metaint]
        length = lengths[n % len(lengths)]
        data += piece + (bytes([length]) + b"M" * 16 * length if len(piece) == metaint else b"")
    stripper = MetadataStripper(metaint)
    pieces = [stripper.strip(data[at : at + size]) for at in range(0, len(data), size)]
    assert b"".join(pieces) == audio
