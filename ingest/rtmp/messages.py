"""RTMP message types, and the protocol control messages. No I/O. RTMP 1.0 §5.4, §6.2, §7.1.

Each control message is one small value with `parse` and `serialize` for its body. Bytes behind
what a type defines are ignored: some encoders pad.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

from .errors import MalformedMessage

SET_CHUNK_SIZE = 1
ABORT = 2
ACKNOWLEDGEMENT = 3
USER_CONTROL = 4
WINDOW_ACKNOWLEDGEMENT_SIZE = 5
SET_PEER_BANDWIDTH = 6
AUDIO = 8
DATA_AMF3 = 15
COMMAND_AMF3 = 17
DATA_AMF0 = 18
COMMAND_AMF0 = 20
AGGREGATE = 22

CONTROL_CHUNK_STREAM = 2  # §5.4: control messages go on chunk stream 2, message stream 0
_TAG_HEADER_BYTES = 11  # an FLV tag, as aggregates hold them
_BACK_POINTER_BYTES = 4


class Message(NamedTuple):
    """One whole message; `timestamp` is in milliseconds modulo 2^32."""

    type_id: int
    stream_id: int
    timestamp: int
    payload: bytes


def _parse_uint32(name: str, body: bytes) -> int:
    if len(body) < 4:
        raise MalformedMessage(f"got {name} with {len(body)} bytes, expected 4")
    return int.from_bytes(body[:4], "big")


@dataclass(frozen=True, slots=True)
class _Number:
    """A control message whose body is one number of 32 bits."""

    NAME: ClassVar[str]  # as the specification has it

    value: int

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Return the value as it came, in range or not."""
        return cls(_parse_uint32(cls.NAME, body))

    def serialize(self) -> bytes:
        """Return the body; the value modulo 2^32."""
        return (self.value & 0xFFFFFFFF).to_bytes(4, "big")


class SetChunkSize(_Number):
    """From the next chunk on, the sender's chunks carry up to this many bytes (§5.4.1)."""

    __slots__ = ()
    NAME = "Set Chunk Size"


class Abort(_Number):
    """The rest of the message under way on this chunk stream will not come (§5.4.2)."""

    __slots__ = ()
    NAME = "Abort"


class Acknowledgement(_Number):
    """So many bytes have come so far, modulo 2^32 (§5.4.3)."""

    __slots__ = ()
    NAME = "Acknowledgement"


class WindowAcknowledgementSize(_Number):
    """The sender wants an Acknowledgement after each so many bytes (§5.4.4)."""

    __slots__ = ()
    NAME = "Window Acknowledgement Size"


@dataclass(frozen=True, slots=True)
class SetPeerBandwidth:
    """Asks the peer to limit what it has in flight (§5.4.5)."""

    HARD, SOFT, DYNAMIC = 0, 1, 2

    window_bytes: int
    limit_type: int = DYNAMIC

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Return the value; a missing limit type, which some encoders leave out, is dynamic."""
        window_bytes = _parse_uint32("Set Peer Bandwidth", body)
        return cls(window_bytes, body[4] if len(body) > 4 else cls.DYNAMIC)

    def serialize(self) -> bytes:
        """Return the body."""
        return self.window_bytes.to_bytes(4, "big") + bytes((self.limit_type,))


@dataclass(frozen=True, slots=True)
class UserControl:
    """An event of two bytes and its data (§7.1.7)."""

    STREAM_BEGIN, PING_REQUEST, PING_RESPONSE = 0, 6, 7

    event: int
    data: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Return the event; unknown ones too."""
        if len(body) < 2:
            raise MalformedMessage(f"got User Control with {len(body)} bytes, expected 2 or more")
        return cls(int.from_bytes(body[:2], "big"), body[2:])

    def serialize(self) -> bytes:
        """Return the body."""
        return self.event.to_bytes(2, "big") + self.data


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
