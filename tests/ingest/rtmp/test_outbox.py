from ingest.rtmp.messages import Acknowledgement, SetChunkSize, UserControl
from ingest.rtmp.outbox import Outbox

from .answers import parse_messages


def test_each_byte_is_given_once() -> None:
    outbox = Outbox()
    assert not outbox
    outbox.send_bytes(b"handshake")
    assert outbox
    assert outbox.data_to_send() == b"handshake"
    assert outbox.data_to_send() == b""
    assert not outbox


def test_control_messages_go_on_chunk_stream_2_and_message_stream_0() -> None:
    outbox = Outbox()
    outbox.send_control(Acknowledgement(7))
    outbox.send_control(UserControl(UserControl.PING_RESPONSE, b"time"))
    data = outbox.data_to_send()
    assert data[0] == 2
    assert [(m.type_id, m.stream_id) for m in parse_messages(data)] == [(3, 0), (4, 0)]


def test_our_chunk_size_holds_from_the_message_that_follows() -> None:
    payload = bytes(300)
    for chunk_size, headers in ((None, 2), (200, 1), (65536, 0)):
        outbox = Outbox()
        if chunk_size is not None:
            outbox.send_control(SetChunkSize(chunk_size))
        outbox.send_command(payload)
        data = outbox.data_to_send()
        assert parse_messages(data)[-1].payload == payload
        assert data.count(0xC3) == headers


def test_a_status_goes_on_its_message_stream_and_a_command_on_stream_0() -> None:
    outbox = Outbox()
    outbox.send_status(5, "status", "NetStream.Publish.Start", "On air.")
    outbox.send_command(b"command")
    assert [m.stream_id for m in parse_messages(outbox.data_to_send())] == [5, 0]
