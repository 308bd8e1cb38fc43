import pytest

from ingest.rtmp.errors import NotRtmp
from ingest.rtmp.handshake import SIZE, Handshake

from . import wire
from .every_way import fail_every_way, receive_every_way


class _Shaken:
    """Gives the bytes behind the handshake, one by one, as events."""

    def __init__(self) -> None:
        self._handshake = Handshake()
        self._is_done = False

    def receive(self, data: bytes) -> bytes:
        if self._is_done:
            return data
        rest = self._handshake.receive_data(data)
        self._is_done = rest is not None
        return rest or b""


def test_bytes_behind_the_handshake_are_given_back() -> None:
    given = receive_every_way(
        lambda: _Shaken().receive, wire.handshake(), behind=b"next", then=b"next"
    )
    assert given == []


def test_the_answer_comes_as_soon_as_c1_is_whole_and_only_once() -> None:
    handshake = Handshake()
    data = wire.handshake()
    assert handshake.receive_data(data[:SIZE]) is None
    assert handshake.data_to_send() == b""
    assert handshake.receive_data(data[SIZE : SIZE + 1]) is None
    answer = handshake.data_to_send()
    assert len(answer) == 1 + 2 * SIZE
    assert handshake.data_to_send() == b""
    assert handshake.receive_data(data[SIZE + 1 :]) == b""
    assert handshake.data_to_send() == b""


def test_s0_is_version_3_and_s1_promises_no_digest_and_s2_echoes_c1() -> None:
    handshake = Handshake()
    data = wire.handshake()
    handshake.receive_data(data)
    answer = handshake.data_to_send()
    c1, s1, s2 = data[1 : 1 + SIZE], answer[1 : 1 + SIZE], answer[1 + SIZE :]
    assert answer[0] == 3
    assert s1[:8] == bytes(8)
    assert (s2[:4], s2[8:]) == (c1[:4], c1[8:])


def test_two_connections_get_different_random_bytes() -> None:
    answers = []
    for _ in range(2):
        handshake = Handshake()
        handshake.receive_data(wire.handshake())
        answers.append(handshake.data_to_send())
    assert answers[0] != answers[1]


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (b"GET / HTTP/1.1\r\n", "HTTP"),
        (b"\x16\x03\x01\x02\x00", "TLS"),
        (b"\x06", "expected RTMP version 0x03"),
        (b"\x00", "expected RTMP version 0x03"),
        (b"\xff", "expected RTMP version 0x03"),
    ],
)
def test_what_is_no_rtmp_is_refused_at_the_first_byte(data: bytes, hint: str) -> None:
    assert hint in str(fail_every_way(lambda: _Shaken().receive, data, NotRtmp))


def test_a_c2_that_is_no_echo_is_accepted() -> None:
    data = wire.handshake()[: 1 + SIZE] + bytes(SIZE)
    assert Handshake().receive_data(data) == b""
