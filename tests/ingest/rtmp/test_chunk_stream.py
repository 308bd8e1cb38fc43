from collections.abc import Callable, Iterable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.rtmp.chunk_stream import (
    MAX_CHUNK_STREAMS,
    MAX_PENDING_BYTES,
    ChunkReader,
    serialize_message,
)
from ingest.rtmp.errors import (
    ChunkSizeOutOfRange,
    MalformedMessage,
    MessageTooLong,
    MissingChunkHeader,
    RtmpError,
    TooManyChunkStreams,
    TooMuchPending,
)
from ingest.rtmp.messages import (
    MAX_AMF_MESSAGE_BYTES,
    MAX_AUDIO_MESSAGE_BYTES,
    MAX_CONTROL_MESSAGE_BYTES,
    Message,
)

from .every_way import fail_every_way, receive_every_way
from .wire import AGGREGATE, AUDIO, COMMAND, DATA, VIDEO, chunk, control, message

SET_CHUNK_SIZE, ABORT = 1, 2
_BEHIND = chunk(0, 63, b"B", time=9, stream_id=7)
_BEHIND_MESSAGE = Message(AUDIO, 7, 9, b"B")


def _make() -> Callable[[bytes], Iterable[Message]]:
    return ChunkReader().receive_data


def read(data: bytes) -> list[Message]:
    return receive_every_way(_make, data, behind=_BEHIND, then=[_BEHIND_MESSAGE])


def fail(data: bytes, expected: type[Exception]) -> Exception:
    return fail_every_way(_make, data, expected)


def times(data: bytes) -> list[int]:
    return [m.timestamp for m in read(data)]


def test_type_0_chunk_is_a_message() -> None:
    assert read(chunk(0, 4, b"abc", time=1000)) == [Message(AUDIO, 1, 1000, b"abc")]


def test_message_of_several_chunks_is_put_together() -> None:
    payload = bytes(range(256)) * 3
    assert read(message(AUDIO, payload)) == [Message(AUDIO, 1, 0, payload)]


def test_type_1_chunk_keeps_the_message_stream_and_adds_its_delta() -> None:
    data = chunk(0, 4, b"a", time=100) + chunk(1, 4, b"bc", time=20, type_id=DATA)
    assert read(data) == [Message(AUDIO, 1, 100, b"a"), Message(DATA, 1, 120, b"bc")]


def test_type_2_chunk_keeps_length_and_type_and_adds_its_delta() -> None:
    data = chunk(0, 4, b"a", time=100) + chunk(2, 4, b"b", time=20)
    assert read(data) == [Message(AUDIO, 1, 100, b"a"), Message(AUDIO, 1, 120, b"b")]


def test_type_3_chunk_that_starts_a_message_repeats_the_delta() -> None:
    data = chunk(0, 4, b"a", time=100) + chunk(2, 4, b"b", time=20) + chunk(3, 4, b"c") * 3
    assert times(data) == [100, 120, 140, 160, 180]


def test_type_3_chunk_that_starts_a_message_after_type_0_takes_the_timestamp_as_delta() -> None:
    assert times(chunk(0, 4, b"a", time=24) + chunk(3, 4, b"b") * 2) == [24, 48, 72]


def test_type_3_chunk_inside_a_message_changes_no_time() -> None:
    long = message(AUDIO, bytes(300), time=5)
    assert times(long + chunk(2, 4, bytes(128), time=10) + chunk(3, 4, bytes(128))) == [5]
    whole = chunk(2, 4, bytes(128), time=10) + chunk(3, 4, bytes(128)) + chunk(3, 4, bytes(44))
    assert times(long + whole) == [5, 15]


def test_type_1_chunk_first_on_a_chunk_stream_begins_at_time_0() -> None:
    assert read(chunk(1, 4, b"a", time=7)) == [Message(AUDIO, 0, 7, b"a")]


@pytest.mark.parametrize("chunk_type", [2, 3])
def test_chunk_without_length_first_on_a_chunk_stream_is_refused(chunk_type: int) -> None:
    assert "chunk stream 9" in str(fail(chunk(chunk_type, 9, b"a"), MissingChunkHeader))


@pytest.mark.parametrize("chunk_stream_id", [2, 3, 63, 64, 65, 319, 320, 65599])
def test_chunk_stream_ids_of_one_two_and_three_bytes(chunk_stream_id: int) -> None:
    payload = bytes(200)
    data = message(AUDIO, payload, chunk_stream_id=chunk_stream_id)
    assert receive_every_way(_make, data) == [Message(AUDIO, 1, 0, payload)]


def test_two_byte_and_three_byte_forms_of_an_id_are_one_chunk_stream() -> None:
    two = chunk(0, 100, bytes(128), length=130)
    three = bytes((0xC1,)) + (100 - 64).to_bytes(2, "little") + bytes(2)
    assert read(two + three) == [Message(AUDIO, 1, 0, bytes(130))]


def test_as_many_chunk_streams_as_the_limit_are_taken_and_one_more_is_not() -> None:
    data = b"".join(chunk(0, 3 + number, b"a") for number in range(MAX_CHUNK_STREAMS))
    assert len(receive_every_way(_make, data)) == MAX_CHUNK_STREAMS
    fail(data + chunk(0, 3 + MAX_CHUNK_STREAMS, b"a"), TooManyChunkStreams)


def test_interleaved_messages_are_put_together_by_chunk_stream() -> None:
    data = chunk(0, 4, b"a" * 128, length=200) + chunk(0, 5, b"b" * 128, length=150)
    data += chunk(3, 5, b"b" * 22) + chunk(3, 4, b"a" * 72)
    assert read(data) == [Message(AUDIO, 1, 0, b"b" * 150), Message(AUDIO, 1, 0, b"a" * 200)]


def test_empty_message_needs_no_payload() -> None:
    data = chunk(0, 4, b"", time=3) + chunk(3, 4, b"")
    assert read(data) == [Message(AUDIO, 1, 3, b""), Message(AUDIO, 1, 6, b"")]


def test_new_header_inside_a_message_gives_the_message_up() -> None:
    data = chunk(0, 4, bytes(128), length=300) + chunk(0, 4, b"new")
    reader = ChunkReader()
    assert list(reader.receive_data(data)) == [Message(AUDIO, 1, 0, b"new")]
    assert reader.pending_bytes == 0
    assert read(data) == [Message(AUDIO, 1, 0, b"new")]


# Extended timestamps


def test_extended_timestamp_follows_the_header() -> None:
    assert times(chunk(0, 4, b"a", time=0x01000000)) == [0x01000000]


def test_the_mark_itself_is_an_extended_timestamp() -> None:
    assert times(chunk(0, 4, b"a", time=0xFFFFFE)) == [0xFFFFFE]
    assert times(chunk(0, 4, b"a", time=0xFFFFFF)) == [0xFFFFFF]


def test_extended_timestamp_repeated_on_type_3_chunks_is_no_payload() -> None:
    extended = (0x01234567).to_bytes(4, "big")
    data = chunk(0, 4, b"a" * 128, length=300, time=0x01234567)
    data += chunk(3, 4, b"a" * 128, extended=extended) + chunk(3, 4, b"a" * 44, extended=extended)
    assert read(data) == [Message(AUDIO, 1, 0x01234567, b"a" * 300)]


def test_extended_timestamp_not_repeated_on_type_3_chunks_leaves_the_payload_whole() -> None:
    payload = bytes(range(1, 256)) + bytes(45)
    data = chunk(0, 4, payload[:128], length=300, time=0x01234567)
    data += chunk(3, 4, payload[128:256]) + chunk(3, 4, payload[256:])
    assert read(data) == [Message(AUDIO, 1, 0x01234567, payload)]


def test_extended_delta_is_a_delta() -> None:
    data = chunk(0, 4, b"a", time=5) + chunk(1, 4, b"b", time=0x01000000)
    assert times(data) == [5, 0x01000005]


def test_type_3_chunk_that_starts_a_message_repeats_an_extended_delta() -> None:
    extended = (0x01000000).to_bytes(4, "big")
    data = chunk(0, 4, b"a") + chunk(2, 4, b"b", time=0x01000000)
    assert times(data + chunk(3, 4, b"c", extended=extended)) == [0, 0x01000000, 0x02000000]
    assert times(data + chunk(3, 4, b"c")) == [0, 0x01000000, 0x02000000]


def test_extended_timestamp_ends_with_the_next_short_header() -> None:
    data = chunk(0, 4, b"a", time=0x01000000) + chunk(1, 4, bytes(128), length=129, time=1)
    assert times(data + chunk(3, 4, b"\x01")) == [0x01000000, 0x01000001]


def test_timestamp_wraps_at_32_bits() -> None:
    data = chunk(0, 4, b"a", time=0xFFFFFFF0) + chunk(2, 4, b"b", time=0x20)
    assert times(data) == [0xFFFFFFF0, 0x10]


# Chunk sizes


@pytest.mark.parametrize("chunk_size", [1, 2, 127, 128, 4096, 2**31 - 1])
def test_chunk_size_of_the_peer_is_obeyed(chunk_size: int) -> None:
    payload = bytes(range(250)) * 4
    data = control(SET_CHUNK_SIZE, chunk_size)
    data += message(AUDIO, payload, chunk_size=chunk_size)
    assert read(data) == [Message(AUDIO, 1, 0, payload)]


@pytest.mark.parametrize("chunk_size", [0, 2**31, 2**32 - 1])
def test_chunk_size_out_of_range_is_refused(chunk_size: int) -> None:
    fail(control(SET_CHUNK_SIZE, chunk_size), ChunkSizeOutOfRange)


def test_chunk_size_changed_inside_a_message_holds_from_its_next_chunk_on() -> None:
    data = chunk(0, 4, b"a" * 128, length=500) + control(SET_CHUNK_SIZE, 300)
    data += chunk(3, 4, b"b" * 300) + control(SET_CHUNK_SIZE, 10)
    data += b"".join(chunk(3, 4, b"c" * size) for size in (10,) * 7 + (2,))
    assert read(data) == [Message(AUDIO, 1, 0, b"a" * 128 + b"b" * 300 + b"c" * 72)]


def test_set_chunk_size_that_is_cut_off_is_refused() -> None:
    fail(chunk(0, 2, b"\x00\x10", type_id=SET_CHUNK_SIZE), MalformedMessage)


# Abort


@pytest.mark.parametrize("type_id", [AUDIO, VIDEO])
def test_abort_gives_up_the_message_under_way(type_id: int) -> None:
    data = chunk(0, 4, bytes(128), length=300, type_id=type_id) + control(ABORT, 4)
    data += chunk(0, 4, b"next")
    assert read(data) == [Message(AUDIO, 1, 0, b"next")]


def test_type_3_chunk_after_abort_begins_a_message() -> None:
    data = chunk(0, 4, bytes(128), length=130, time=8) + control(ABORT, 4)
    data += chunk(3, 4, b"n" * 128) + chunk(3, 4, b"nn")
    assert read(data) == [Message(AUDIO, 1, 16, b"n" * 130)]


def test_abort_frees_what_was_pending() -> None:
    reader = ChunkReader()
    reader.receive_data(chunk(0, 4, bytes(128), length=300))
    assert reader.pending_bytes == 128
    reader.receive_data(control(ABORT, 4))
    assert reader.pending_bytes == 0


def test_abort_of_an_unknown_or_idle_chunk_stream_changes_nothing() -> None:
    data = control(ABORT, 50) + chunk(0, 4, b"a") + control(ABORT, 4) + control(ABORT, 2)
    assert read(data) == [Message(AUDIO, 1, 0, b"a")]


# Video and limits


@pytest.mark.parametrize("type_id", [VIDEO, 0, 7, 16, 19, 99])
def test_what_is_of_no_use_is_skipped_and_never_stored(type_id: int) -> None:
    data = message(type_id, bytes(1000)) + chunk(1, 4, b"audio", time=1)
    assert read(data) == [Message(AUDIO, 1, 1, b"audio")]
    reader = ChunkReader()
    for at in range(len(data)):
        reader.receive_data(data[at : at + 1])
        assert reader.pending_bytes <= len(b"audio")


def test_video_of_the_greatest_length_is_counted_down() -> None:
    reader = ChunkReader()
    reader.receive_data(control(SET_CHUNK_SIZE, 2**31 - 1))
    reader.receive_data(chunk(0, 4, b"", length=0xFFFFFF, type_id=VIDEO))
    zeros, left = bytes(65536), 0xFFFFFF
    while left:
        assert list(reader.receive_data(zeros[:left])) == []
        left -= len(zeros[:left])
    assert list(reader.receive_data(chunk(0, 4, b"a"))) == [Message(AUDIO, 1, 0, b"a")]
    assert reader.pending_bytes == 0


def test_declared_length_is_not_allocated_ahead() -> None:
    reader = ChunkReader()
    reader.receive_data(chunk(0, 4, bytes(128), length=MAX_AUDIO_MESSAGE_BYTES))
    assert reader.pending_bytes == 128


@pytest.mark.parametrize(
    ("type_id", "limit"),
    [
        (AUDIO, MAX_AUDIO_MESSAGE_BYTES),
        (AGGREGATE, MAX_AUDIO_MESSAGE_BYTES),
        (COMMAND, MAX_AMF_MESSAGE_BYTES),
        (17, MAX_AMF_MESSAGE_BYTES),
        (4, MAX_CONTROL_MESSAGE_BYTES),
        (5, MAX_CONTROL_MESSAGE_BYTES),
    ],
)
def test_message_at_its_limit_is_taken_and_one_byte_more_is_not(type_id: int, limit: int) -> None:
    opening = control(SET_CHUNK_SIZE, 65536)
    data = opening + message(type_id, bytes(limit), chunk_size=65536)
    assert list(ChunkReader().receive_data(data)) == [Message(type_id, 1, 0, bytes(limit))]
    header = chunk(0, 4, b"", length=limit + 1, type_id=type_id)
    assert str(limit) in str(fail(header, MessageTooLong))


@pytest.mark.parametrize("type_id", [15, DATA])
def test_metadata_past_its_limit_is_skipped(type_id: int) -> None:
    opening = control(SET_CHUNK_SIZE, 65536)
    for length, is_taken in ((MAX_AMF_MESSAGE_BYTES, True), (MAX_AMF_MESSAGE_BYTES + 1, False)):
        reader = ChunkReader()
        data = opening + message(type_id, bytes(length), chunk_size=65536)
        assert bool(reader.receive_data(data)) is is_taken
        assert list(reader.receive_data(chunk(0, 4, b"a"))) == [Message(AUDIO, 1, 0, b"a")]


def test_pending_bytes_of_all_chunk_streams_together_have_a_limit() -> None:
    part = MAX_AUDIO_MESSAGE_BYTES - 1
    reader = ChunkReader()
    reader.receive_data(control(SET_CHUNK_SIZE, part))
    for chunk_stream_id in (4, 5):
        reader.receive_data(chunk(0, chunk_stream_id, bytes(part), length=part + 1))
    reader.receive_data(chunk(0, 6, bytes(2), length=100))
    assert reader.pending_bytes == MAX_PENDING_BYTES
    with pytest.raises(TooMuchPending):
        reader.receive_data(b"a")


def test_completed_messages_are_pending_no_more() -> None:
    reader = ChunkReader()
    for _ in range(100):
        assert reader.receive_data(message(AUDIO, bytes(10_000)))
    assert reader.pending_bytes == 0


def test_many_tiny_chunks_cost_time_in_proportion_to_their_number() -> None:
    reader = ChunkReader()
    reader.receive_data(control(SET_CHUNK_SIZE, 1))
    payload = bytes(60_000)
    data = message(AUDIO, payload, chunk_size=1)
    assert list(reader.receive_data(data)) == [Message(AUDIO, 1, 0, payload)]


# Properties

_MESSAGES = st.lists(
    st.tuples(
        st.sampled_from([4, 5, 70, 400]),
        st.sampled_from([AUDIO, DATA, COMMAND, VIDEO]),
        st.integers(0, 2**32 - 1),
        st.binary(max_size=400),
    ),
    max_size=8,
)


@given(_MESSAGES, st.integers(1, 200), st.randoms(use_true_random=False), st.data())
def test_any_interleaving_in_any_pieces_gives_each_message_whole(
    messages: list[tuple[int, int, int, bytes]],
    chunk_size: int,
    random: Random,
    data: st.DataObject,
) -> None:
    queues: dict[int, list[list[bytes]]] = {}
    for chunk_stream_id, type_id, time, payload in messages:
        extended = time.to_bytes(4, "big") if time >= 0xFFFFFF else b""
        chunks = [
            chunk(
                0 if at == 0 else 3,
                chunk_stream_id,
                payload[at : at + chunk_size],
                time=time,
                length=len(payload),
                type_id=type_id,
                extended=extended,
            )
            for at in range(0, max(1, len(payload)), chunk_size)
        ]
        queues.setdefault(chunk_stream_id, []).append(chunks)
    sent = control(SET_CHUNK_SIZE, chunk_size)
    while queues:
        chunk_stream_id = random.choice(sorted(queues))
        sent += queues[chunk_stream_id][0].pop(0)
        if not queues[chunk_stream_id][0]:
            queues[chunk_stream_id].pop(0)
        if not queues[chunk_stream_id]:
            del queues[chunk_stream_id]
    reader = ChunkReader()
    received: list[Message] = []
    while sent:
        size = data.draw(st.integers(1, 300))
        received += reader.receive_data(sent[:size])
        sent = sent[size:]
    expected = [Message(t, 1, time, p) for _, t, time, p in messages if t != VIDEO]
    assert sorted(received) == sorted(expected)
    assert reader.pending_bytes == 0


@given(
    st.integers(2, 63),
    st.sampled_from([AUDIO, COMMAND]),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=500),
    st.integers(1, 600),
)
def test_what_is_serialized_is_read_back(
    chunk_stream_id: int, type_id: int, stream_id: int, time: int, payload: bytes, chunk_size: int
) -> None:
    sent = Message(type_id, stream_id, time, payload)
    data = control(SET_CHUNK_SIZE, chunk_size) + serialize_message(
        chunk_stream_id, sent, chunk_size
    )
    assert list(ChunkReader().receive_data(data)) == [sent]


@given(st.binary(max_size=2000))
def test_random_bytes_raise_documented_exceptions_only(data: bytes) -> None:
    reader = ChunkReader()
    try:
        reader.receive_data(data)
    except RtmpError:
        return
    assert reader.pending_bytes <= len(data)
