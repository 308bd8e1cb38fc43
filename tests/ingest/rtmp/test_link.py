from collections.abc import Callable, Iterable

from ingest.rtmp.link import WINDOW_BYTES, Link
from ingest.rtmp.messages import Message

from . import wire
from .answers import HANDSHAKE_BYTES, parse_messages
from .every_way import receive_every_way

ACKNOWLEDGEMENT, USER_CONTROL, WINDOW, BANDWIDTH = 3, 4, 5, 6


def _make() -> Callable[[bytes], Iterable[Message]]:
    return Link().receive_data


def _shaken() -> Link:
    link = Link()
    link.receive_data(wire.handshake())
    link.outbox.data_to_send()
    return link


def _answers(link: Link) -> list[tuple[int, str]]:
    return [(m.type_id, m.payload.hex()) for m in parse_messages(link.outbox.data_to_send())]


def test_messages_come_behind_the_handshake() -> None:
    data = wire.handshake() + wire.message(wire.AUDIO, b"a")
    behind = wire.message(wire.AUDIO, b"b", chunk_stream_id=5)
    then = [Message(wire.AUDIO, 1, 0, b"b")]
    assert receive_every_way(_make, data, behind=behind, then=then) == [
        Message(wire.AUDIO, 1, 0, b"a")
    ]


def test_the_handshake_is_answered_before_anything_else() -> None:
    link = Link()
    seen = [link.is_shaken]
    link.receive_data(wire.handshake())
    seen.append(link.is_shaken)
    assert seen == [False, True]
    assert len(link.outbox.data_to_send()) == HANDSHAKE_BYTES


def test_a_ping_is_answered_with_its_own_time() -> None:
    link = _shaken()
    ping = wire.message(USER_CONTROL, b"\x00\x06\x01\x02\x03\x04", chunk_stream_id=2, stream_id=0)
    assert link.receive_data(ping) == []
    assert _answers(link) == [(USER_CONTROL, "000701020304")]


def test_other_user_control_events_and_bandwidths_are_taken_in_silence() -> None:
    link = _shaken()
    event = wire.message(USER_CONTROL, b"\x00\x03" + bytes(8), chunk_stream_id=2)
    bandwidth = wire.message(BANDWIDTH, b"\x00\x00\x10\x00\x02", chunk_stream_id=2)
    acknowledgement = wire.control(ACKNOWLEDGEMENT, 1234)
    assert link.receive_data(event + bandwidth + acknowledgement) == []
    assert _answers(link) == []


def test_video_is_told_once_and_never_returned() -> None:
    link = _shaken()
    assert link.receive_data(wire.message(wire.VIDEO, bytes(500))) == ()
    assert [link.take_video(), link.take_video()] == [True, False]
    link.receive_data(wire.message(wire.AUDIO, b"a"))
    assert not link.take_video()


def test_an_acknowledgement_comes_each_window() -> None:
    link = _shaken()
    link.receive_data(wire.control(WINDOW, 1000))
    start = link.received_bytes
    frame = wire.message(wire.AUDIO, bytes(100))
    total, sent = 0, []
    while total < 5000:
        link.receive_data(frame)
        total += len(frame)
        sent += _answers(link)
    assert len(sent) in (4, 5)
    counts = [int(body, 16) for _, body in sent]
    assert [type_id for type_id, _ in sent] == [ACKNOWLEDGEMENT] * len(sent)
    gaps = [after - before for before, after in zip([start, *counts], counts, strict=False)]
    assert all(1000 <= gap < 1000 + len(frame) for gap in gaps)


def test_a_window_at_its_last_byte_is_acknowledged_and_one_byte_less_is_not() -> None:
    link = _shaken()
    link.receive_data(wire.control(WINDOW, 100))
    frame = wire.message(wire.AUDIO, bytes(88))
    assert len(frame) == 100
    link.receive_data(frame[:99])
    assert _answers(link) == []
    link.receive_data(frame[99:])
    assert len(_answers(link)) == 1


def test_without_a_wish_of_the_peer_our_own_window_holds() -> None:
    for window in (b"", wire.control(WINDOW, 0)):
        link = _shaken()
        link.receive_data(window)
        link.receive_data(wire.control(1, 2**31 - 1))
        video = wire.chunk(0, 4, b"", length=WINDOW_BYTES, type_id=wire.VIDEO)
        link.receive_data(video)
        link.receive_data(bytes(WINDOW_BYTES - 10_000))
        assert _answers(link) == []
        link.receive_data(bytes(10_000))
        assert len(_answers(link)) == 1


def test_the_acknowledged_count_wraps_at_32_bits() -> None:
    link = _shaken()
    link.received_bytes = 2**32 + 10
    link.receive_data(b"")
    assert _answers(link) == [(ACKNOWLEDGEMENT, "0000000a")]


def test_a_window_of_one_byte_costs_one_acknowledgement_a_read() -> None:
    link = _shaken()
    link.receive_data(wire.control(WINDOW, 1))
    link.receive_data(wire.message(wire.AUDIO, bytes(5000)))
    assert len(_answers(link)) == 1
