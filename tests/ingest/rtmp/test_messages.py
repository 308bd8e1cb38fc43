import pytest

from ingest.rtmp.errors import MalformedMessage
from ingest.rtmp.messages import (
    Abort,
    Acknowledgement,
    ControlMessage,
    Message,
    MessageType,
    SetChunkSize,
    SetPeerBandwidth,
    UserControl,
    WindowAcknowledgementSize,
    parse_aggregate,
)

_CASES: list[tuple[ControlMessage, str]] = [
    (SetChunkSize(4096), "00001000"),
    (Abort(3), "00000003"),
    (Acknowledgement(2_500_000), "002625a0"),
    (WindowAcknowledgementSize(5_000_000), "004c4b40"),
    (SetPeerBandwidth(5_000_000, SetPeerBandwidth.SOFT), "004c4b4001"),
    (UserControl(UserControl.PING_REQUEST, b"\x00\x00\x01\x02"), "000600000102"),
]


@pytest.mark.parametrize(("value", "body"), _CASES)
def test_each_control_message_is_written_and_read_back(value: ControlMessage, body: str) -> None:
    assert value.serialize().hex() == body
    assert type(value).parse(bytes.fromhex(body)) == value


@pytest.mark.parametrize(("value", "body"), _CASES)
def test_a_control_message_that_is_cut_off_is_malformed(value: ControlMessage, body: str) -> None:
    size = 1 if isinstance(value, UserControl) else 3
    with pytest.raises(MalformedMessage, match=f"got .* with {size} bytes"):
        type(value).parse(bytes.fromhex(body)[:size])


def test_each_control_message_has_a_type_of_its_own() -> None:
    types = [type(value).TYPE for value, _ in _CASES]
    assert sorted(types) == [1, 2, 3, 4, 5, 6]
    assert MessageType.WINDOW_ACKNOWLEDGEMENT_SIZE.spoken_name == "Window Acknowledgement Size"


def test_bytes_behind_a_control_message_are_ignored() -> None:
    assert SetChunkSize.parse(bytes.fromhex("0000100099")) == SetChunkSize(4096)


def test_a_peer_bandwidth_without_limit_type_is_dynamic() -> None:
    assert SetPeerBandwidth.parse(bytes(4)) == SetPeerBandwidth(0, SetPeerBandwidth.DYNAMIC)


def test_acknowledgement_counts_modulo_32_bits() -> None:
    assert Acknowledgement(2**32 + 5).serialize() == bytes((0, 0, 0, 5))


def _tag(type_id: int, timestamp: int, payload: bytes) -> bytes:
    head = bytes((type_id,)) + len(payload).to_bytes(3, "big")
    head += (timestamp & 0xFFFFFF).to_bytes(3, "big") + bytes((timestamp >> 24,)) + bytes(3)
    return head + payload + (len(payload) + 11).to_bytes(4, "big")


def _parse(body: bytes, timestamp: int) -> list[tuple[int, int, bytes]]:
    aggregate = Message(MessageType.AGGREGATE, 1, timestamp, body)
    return [(m.type_id, m.timestamp, m.payload) for m in parse_aggregate(aggregate)]


def test_aggregate_is_its_messages_with_times_moved_to_its_own() -> None:
    body = _tag(8, 100, b"a") + _tag(9, 110, b"vv") + _tag(8, 123, b"")
    assert _parse(body, 5000) == [(8, 5000, b"a"), (9, 5010, b"vv"), (8, 5023, b"")]


def test_times_in_an_aggregate_use_all_32_bits() -> None:
    body = _tag(8, 0xFFFFFFF0, b"a") + _tag(8, 0x10, b"b")
    assert _parse(body, 7) == [(8, 7, b"a"), (8, 7 + 0x20, b"b")]


def test_aggregate_without_the_last_back_pointer_is_taken() -> None:
    assert _parse(_tag(8, 0, b"a")[:-4], 1) == [(8, 1, b"a")]


def test_empty_aggregate_is_nothing() -> None:
    assert _parse(b"", 1) == []


@pytest.mark.parametrize("size", [1, 10, 11, 12])
def test_aggregate_that_is_cut_off_is_malformed(size: int) -> None:
    with pytest.raises(MalformedMessage, match="cut off"):
        _parse(_tag(8, 0, b"abc")[:size], 1)
