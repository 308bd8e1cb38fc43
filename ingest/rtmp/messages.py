"""RTMP message types, and the protocol control messages. No I/O. RTMP 1.0 §5.4, §6.2, §7.1.

`MessageType` is the one table of types; what other modules know of a type is taken from it. Each
control message is one small value that knows its type, with `parse` and `serialize` for its body.
Bytes behind what a type defines are ignored: some encoders pad.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, NamedTuple, Self

from .errors import MalformedMessage

MAX_CONTROL_MESSAGE_BYTES = 64  # the longest that is defined has 10
MAX_AMF_MESSAGE_BYTES = 64 * 1024  # a connect with a long tcUrl has 1 KiB, metadata 2 KiB
MAX_AUDIO_MESSAGE_BYTES = 256 * 1024  # an access unit is under 8 KiB; many tracks may share one


class MessageType(IntEnum):
    """The types that mean something here, each with the most bytes that such a message may have.

    Types with the limit 0 are skipped, and so are all types that are not listed.
    """

    max_bytes: int

    SET_CHUNK_SIZE = 1, MAX_CONTROL_MESSAGE_BYTES
    ABORT = 2, MAX_CONTROL_MESSAGE_BYTES
    ACKNOWLEDGEMENT = 3, MAX_CONTROL_MESSAGE_BYTES
    USER_CONTROL = 4, MAX_CONTROL_MESSAGE_BYTES
    WINDOW_ACKNOWLEDGEMENT_SIZE = 5, MAX_CONTROL_MESSAGE_BYTES
    SET_PEER_BANDWIDTH = 6, MAX_CONTROL_MESSAGE_BYTES
    AUDIO = 8, MAX_AUDIO_MESSAGE_BYTES
    VIDEO = 9, 0
    DATA_AMF3 = 15, MAX_AMF_MESSAGE_BYTES
    COMMAND_AMF3 = 17, MAX_AMF_MESSAGE_BYTES
    DATA_AMF0 = 18, MAX_AMF_MESSAGE_BYTES
    COMMAND_AMF0 = 20, MAX_AMF_MESSAGE_BYTES
    AGGREGATE = 22, MAX_AUDIO_MESSAGE_BYTES

    def __new__(cls, type_id: int, max_bytes: int) -> Self:
        """Make a type that is its number, and has a limit besides."""
        member = int.__new__(cls, type_id)
        member._value_ = type_id
        member.max_bytes = max_bytes
        return member

    @property
    def spoken_name(self) -> str:
        """The name as the specification writes it."""
        return self.name.replace("_", " ").title()


CONTROL_CHUNK_STREAM = 2  # §5.4: control messages go on chunk stream 2, message stream 0
_TAG_HEADER_BYTES = 11  # an FLV tag, as aggregates hold them
_BACK_POINTER_BYTES = 4


class Message(NamedTuple):
    """One whole message; `timestamp` is in milliseconds modulo 2^32."""

    type_id: int
    stream_id: int
    timestamp: int
    payload: bytes


def _parse_uint32(message_type: MessageType, body: bytes) -> int:
    if len(body) < 4:
        raise MalformedMessage(f"got {message_type.spoken_name} with {len(body)} bytes, expected 4")
    return int.from_bytes(body[:4], "big")


@dataclass(frozen=True, slots=True)
class _Number:
    """A control message whose body is one number of 32 bits."""

    TYPE: ClassVar[MessageType]

    value: int

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Return the value as it came. Whether it is in range is for others to check."""
        return cls(_parse_uint32(cls.TYPE, body))

    def serialize(self) -> bytes:
        """Return the body; the value modulo 2^32."""
        return (self.value & 0xFFFFFFFF).to_bytes(4, "big")


class SetChunkSize(_Number):
    """From the next chunk on, the sender's chunks carry up to this many bytes (§5.4.1)."""

    __slots__ = ()
    TYPE = MessageType.SET_CHUNK_SIZE


class Abort(_Number):
    """The rest of the incomplete message on this chunk stream will not come (§5.4.2)."""

    __slots__ = ()
    TYPE = MessageType.ABORT


class Acknowledgement(_Number):
    """The sender of this has received this many bytes so far, modulo 2^32 (§5.4.3)."""

    __slots__ = ()
    TYPE = MessageType.ACKNOWLEDGEMENT


class WindowAcknowledgementSize(_Number):
    """The sender wants an Acknowledgement each time it has sent this many bytes (§5.4.4)."""

    __slots__ = ()
    TYPE = MessageType.WINDOW_ACKNOWLEDGEMENT_SIZE


@dataclass(frozen=True, slots=True)
class SetPeerBandwidth:
    """Asks the peer to limit what it has in flight (§5.4.5)."""

    TYPE: ClassVar = MessageType.SET_PEER_BANDWIDTH
    HARD, SOFT, DYNAMIC = 0, 1, 2

    window_bytes: int
    limit_type: int = DYNAMIC

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Return the value; a missing limit type, which some encoders leave out, is dynamic."""
        window_bytes = _parse_uint32(cls.TYPE, body)
        return cls(window_bytes, body[4] if len(body) > 4 else cls.DYNAMIC)

    def serialize(self) -> bytes:
        """Return the body."""
        return self.window_bytes.to_bytes(4, "big") + bytes((self.limit_type,))


@dataclass(frozen=True, slots=True)
class UserControl:
    """An event of two bytes and its data (§7.1.7)."""

    TYPE: ClassVar = MessageType.USER_CONTROL
    STREAM_BEGIN, PING_REQUEST, PING_RESPONSE = 0, 6, 7

    event: int
    data: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Return the event, whether it is a known one or not."""
        if len(body) < 2:
            raise MalformedMessage(f"got User Control with {len(body)} bytes, expected 2 or more")
        return cls(int.from_bytes(body[:2], "big"), body[2:])

    def serialize(self) -> bytes:
        """Return the body."""
        return self.event.to_bytes(2, "big") + self.data


ControlMessage = (
    SetChunkSize
    | Abort
    | Acknowledgement
    | UserControl
    | WindowAcknowledgementSize
    | SetPeerBandwidth
)


def parse_aggregate(message: Message) -> Iterator[Message]:
    """Return the messages of an aggregate, their times moved to the aggregate's (§7.1.6)."""
    body, at, offset = message.payload, 0, None
    while at < len(body):
        payload_at = at + _TAG_HEADER_BYTES
        end = payload_at + int.from_bytes(body[at + 1 : at + 4], "big")
        if end > len(body):
            raise MalformedMessage(
                f"an aggregate is cut off: got {len(body)} bytes, expected {end} or more"
            )
        # FLV's timestamp: the lower 24 bits, then the upper 8.
        timestamp = body[at + 7] << 24 | int.from_bytes(body[at + 4 : at + 7], "big")
        if offset is None:
            offset = message.timestamp - timestamp
        yield Message(
            body[at], message.stream_id, timestamp + offset & 0xFFFFFFFF, body[payload_at:end]
        )
        at = end + _BACK_POINTER_BYTES
