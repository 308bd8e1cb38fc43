"""Whatever a peer sends, the protocol raises what it documents, and keeps little of it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from awazpulse.errors import PeerError
from ingest.rtmp.chunk_stream import MAX_PENDING_BYTES
from ingest.rtmp.events import PublishRequested
from ingest.rtmp.limits import RtmpLimits
from ingest.rtmp.protocol import ServerProtocol

from . import wire

_TYPES = st.sampled_from([1, 2, 3, 4, 5, 6, 8, 9, 15, 17, 18, 19, 20, 22]) | st.integers(0, 255)
_TIMES = st.sampled_from([0, 1, 0xFFFFFE, 0xFFFFFF, 0x1000000, 2**32 - 1])
_COMMANDS = st.sampled_from(
    [
        wire.connect(),
        wire.connect("foo"),
        wire.publish(),
        wire.publish(""),
        wire.command("createStream", 4, wire.NULL),
        wire.command("FCUnpublish", 6, wire.NULL),
        wire.command("deleteStream", 6, wire.NULL, wire.number(1)),
        wire.command("play", 6, wire.NULL, wire.string("a")),
        wire.aac_config(),
        wire.aac_frame(b"one", 10),
        wire.aac_frame(wire.adts(b"two"), 20),
        wire.message(wire.VIDEO, bytes(300)),
        wire.control(1, 1),
        wire.control(1, 2**31 - 1),
        wire.control(2, 4),
        wire.control(5, 1),
    ]
)
_AUDIO = st.builds(
    lambda first, body: wire.message(wire.AUDIO, bytes((first,)) + body),
    st.sampled_from([0xAF, 0x2F, 0x90, 0x91, 0x95, 0x97, 0xB2]),
    st.binary(max_size=40),
)
_CHUNKS = st.builds(
    lambda kind, csid, payload, time, length, type_id: wire.chunk(
        kind, csid, payload, time=time, length=length, type_id=type_id
    ),
    st.integers(0, 3),
    st.integers(2, 70),
    st.binary(max_size=140),
    _TIMES,
    st.sampled_from([0, 1, 5, 128, 129, 70_000, 300_000, 0xFFFFFF]),
    _TYPES,
)
_MESSAGES = st.builds(wire.message, _TYPES, st.binary(max_size=300), time=_TIMES)
_PIECES = st.lists(_COMMANDS | _AUDIO | _CHUNKS | _MESSAGES | st.binary(max_size=30), max_size=25)
_OPENINGS = st.sampled_from([b"", wire.handshake(), wire.before_publish(), wire.opening()])


def _drive(data: bytes, size: int, *, is_accepted: bool, is_flipped: bool = False) -> None:
    protocol = ServerProtocol(RtmpLimits(), 0.0)
    failure: PeerError | None = None
    for at in range(0, len(data), size):
        try:
            events = protocol.receive_data(data[at : at + size], 0.0)
        except PeerError as error:
            failure = error
            break
        assert is_flipped or "0PENSESAME" not in repr(events)
        if events and isinstance(events[-1], PublishRequested):
            if is_accepted:
                protocol.accept_publish(0.0)
            else:
                protocol.refuse_publish("no", 0.0)
        assert len(protocol.data_to_send()) < 8192 + 20 * size
        assert protocol._link._chunks.pending_bytes <= MAX_PENDING_BYTES
    if failure is not None:
        assert "0PENSESAME" not in str(failure)
        protocol.fail(failure, 0.0)
        assert protocol.receive_data(data, 0.0) == []


@settings(max_examples=300, deadline=None)
@given(_OPENINGS, _PIECES, st.integers(1, 5000), st.booleans())
def test_no_message_in_any_order_raises_anything_undocumented(
    opening: bytes, pieces: list[bytes], size: int, is_accepted: bool
) -> None:
    _drive(opening + b"".join(pieces), size, is_accepted=is_accepted)


@settings(max_examples=200, deadline=None)
@given(_OPENINGS, st.binary(max_size=3000), st.integers(1, 5000))
def test_no_bytes_raise_anything_undocumented(opening: bytes, data: bytes, size: int) -> None:
    _drive(opening + data, size, is_accepted=True)


@settings(max_examples=200, deadline=None)
@given(_PIECES, st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8))
def test_no_flipped_byte_raises_anything_undocumented(
    pieces: list[bytes], flips: list[tuple[int, int]]
) -> None:
    data = bytearray(wire.opening() + b"".join(pieces))
    for at, value in flips:
        data[len(wire.handshake()) + at % (len(data) - len(wire.handshake()))] = value
    _drive(bytes(data), 4096, is_accepted=True, is_flipped=True)
