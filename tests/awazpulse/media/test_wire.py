import pytest

from awazpulse.media.errors import MediaFailed
from awazpulse.media.wire import (
    LENGTHS,
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    parse_head,
    parse_lengths,
    serialize_message,
)


def test_a_message_is_two_lengths_a_head_and_a_body() -> None:
    message = serialize_message({"do": "measure"}, b"body")
    assert message == b'\0\0\0\x11\0\0\0\4{"do": "measure"}body'
    head_bytes, body_bytes = parse_lengths(message[:8])
    assert (head_bytes, body_bytes) == (17, 4)
    assert parse_head(message[8 : 8 + head_bytes]) == {"do": "measure"}


def test_the_longest_head_and_body_are_taken_and_one_byte_more_is_not() -> None:
    for head, body in ((MAX_HEAD_BYTES, 0), (0, MAX_BODY_BYTES)):
        assert parse_lengths(LENGTHS.pack(head, body)) == (head, body)
        with pytest.raises(MediaFailed, match="expected at most"):
            parse_lengths(LENGTHS.pack(head + (head > 0), body + (body > 0)))
    text = "x" * (MAX_HEAD_BYTES - len('{"": ""}'))
    serialize_message({"": text})
    with pytest.raises(MediaFailed):
        serialize_message({"": text + "x"})


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"1", b"\xff\xff", b"null"])
def test_what_is_no_json_object_is_no_head(data: bytes) -> None:
    with pytest.raises(MediaFailed):
        parse_head(data)
