"""The chunk layer: messages out of interleaved chunks, and chunks out of messages. No I/O.

RTMP 1.0 §5.3. Each chunk is a header of 1 to 18 bytes and up to `chunk size` bytes of one message:

    basic header    type of the header (2 bits), chunk stream id (6 bits, or 1 or 2 bytes more)
    message header  type 0: timestamp, length, type, message stream   type 1: delta, length, type
                    type 2: delta                                     type 3: nothing
    extended timestamp, 4 bytes, when the field of 3 bytes is 0xFFFFFF

Contract: `ChunkReader.receive_data` consumes all of its input and returns the messages that it
completes, in order, or raises. Set Chunk Size and Abort act here, at once, as the next chunk
depends on them, and are not returned. Video and types without meaning to us are counted down and
never stored; a declared length is never allocated ahead.

This is the hot path of an encoder with video: some 250 chunks a second, nearly all of them video.
`benchmarks/rtmp_ingest.py` shows what it costs. So there is no object per chunk and one call per
header, and the type-3 chunks that continue skipped video are stepped over in the reader's loop.
"""

from .errors import (
    ChunkSizeOutOfRange,
    MessageTooLong,
    MissingChunkHeader,
    TooManyChunkStreams,
    TooMuchPending,
)
from .messages import Abort, Message, MessageType, SetChunkSize

INITIAL_CHUNK_SIZE = 128  # §5.4.1, both ways, in bytes
MAX_CHUNK_SIZE = 2**31 - 1  # §5.4.1
MAX_CHUNK_STREAMS = 32  # encoders use two to five; each costs an object of ours
MAX_PENDING_BYTES = 512 * 1024  # of incomplete messages in one connection, all chunk streams

_MASK = 0xFFFFFFFF  # timestamps are modulo 2^32 (§5.3.1.3)
_EXTENDED = 0xFFFFFF
_MESSAGE_HEADER_BYTES = (11, 7, 3, 0)  # by chunk type
_NOTHING: tuple[()] = ()

# Plain numbers instead of members of the enum, because chunk headers hold numbers and two plain
# numbers compare faster.
_MAX_BYTES = {int(kind): kind.max_bytes for kind in MessageType if kind.max_bytes}
_SKIPPED_WHEN_TOO_LONG = (MessageType.DATA_AMF0, MessageType.DATA_AMF3)  # metadata ends no stream
_SET_CHUNK_SIZE, _ABORT = int(SetChunkSize.TYPE), int(Abort.TYPE)
_VIDEO = int(MessageType.VIDEO)


class _ChunkStream:
    """One chunk stream: what its later headers may leave out, and its incomplete message."""

    __slots__ = (
        "delta", "is_stored", "left", "length", "parts", "repeated", "stream_id", "timestamp",
        "type_id",
    )  # fmt: skip

    def __init__(self) -> None:
        self.timestamp = 0
        self.delta = 0
        self.length = 0
        self.type_id = 0
        self.stream_id = 0
        self.repeated = b""  # the extended timestamp, which type-3 chunks may repeat
        self.left = 0  # bytes of the message that are still to come
        self.parts: bytearray | None = None  # what has come of a message that is stored
        self.is_stored = False


class ChunkReader:
    """Reads what one peer sends; see the module's head for the contract."""

    def __init__(self) -> None:
        self._streams: dict[int, _ChunkStream] = {}
        self._chunk_size = INITIAL_CHUNK_SIZE
        self._header = b""  # the beginning of an incomplete header
        self._stream = _ChunkStream()  # the one whose chunk is under way
        self._left = 0  # bytes of that chunk that are still to come
        self._continuation = -1  # the type-3 basic header that would continue its message
        self.pending_bytes = 0
        self.has_video = False  # whether the header of a video message has come; may be reset

    def receive_data(self, data: bytes) -> list[Message] | tuple[()]:
        """Return the messages that `data` completes."""
        if self._header:
            data = self._header + data
            self._header = b""
        messages: list[Message] | None = None
        at, end = 0, len(data)
        while at < end:
            if not self._left:
                # Nearly all chunks continue the message of the chunk before.
                if data[at] == self._continuation and self._stream.left:
                    at += 1
                else:
                    payload_at = self._receive_header(data, at)
                    if payload_at is None:
                        self._header = data[at:]
                        break
                    at = payload_at
                stream = self._stream
                left, chunk_size = stream.left, self._chunk_size
                self._left = left if left < chunk_size else chunk_size  # noqa: FURB136 (hot path)
            stream = self._stream
            size = end - at
            if size > self._left:  # noqa: PLR1730 (hot path: min() costs three times as much)
                size = self._left
            self._left -= size
            stream.left -= size
            if stream.is_stored:
                message = self._store(stream, data[at : at + size])
                if message is not None:
                    if messages is None:
                        messages = []
                    messages.append(message)
            at += size
        return _NOTHING if messages is None else messages

    def _receive_header(self, data: bytes, at: int) -> int | None:
        """Read one chunk header and return where its payload begins.

        Return None and change nothing when the header is not complete.
        """
        first = data[at]
        chunk_type, chunk_stream_id = first >> 6, first & 0x3F
        at += 1
        if chunk_stream_id < 2:  # §5.3.1.1: the forms of 2 and 3 bytes
            id_end = at + 1 + chunk_stream_id
            if id_end > len(data):
                return None
            chunk_stream_id = 64 + int.from_bytes(data[at:id_end], "little")
            at = id_end
        if chunk_type == 3:
            payload_at = self._receive_type_3(data, at, chunk_stream_id)
        else:
            payload_at = self._receive_types_0_to_2(data, at, chunk_type, chunk_stream_id)
        if payload_at is not None:
            can_repeat = chunk_stream_id >= 64 or self._stream.repeated
            self._continuation = -1 if can_repeat else 0xC0 | chunk_stream_id
        return payload_at

    def _receive_types_0_to_2(
        self, data: bytes, at: int, chunk_type: int, chunk_stream_id: int
    ) -> int | None:
        payload_at = at + _MESSAGE_HEADER_BYTES[chunk_type]
        if payload_at > len(data):
            return None
        field = data[at] << 16 | data[at + 1] << 8 | data[at + 2]
        repeated = b""
        if field == _EXTENDED:
            repeated = data[payload_at : payload_at + 4]
            if len(repeated) < 4:
                return None
            payload_at += 4
            field = int.from_bytes(repeated, "big")
        stream = self._find_stream(chunk_stream_id, chunk_type)
        if chunk_type < 2:
            length = data[at + 3] << 16 | data[at + 4] << 8 | data[at + 5]
            stream.length = length
            stream.type_id = type_id = data[at + 6]
            if type_id == _VIDEO:
                self.has_video = True
                stream.is_stored = False
            else:
                stream.is_stored = _is_stored(type_id, length)
        if chunk_type == 0:
            stream.stream_id = int.from_bytes(data[at + 7 : at + 11], "little")
            stream.timestamp = 0
        stream.delta = field  # after type 0 the timestamp is the delta of type 3 (§5.3.1.2.4)
        stream.repeated = repeated
        self._begin_message(stream)
        return payload_at

    def _receive_type_3(self, data: bytes, at: int, chunk_stream_id: int) -> int | None:
        stream = self._streams.get(chunk_stream_id)
        if stream is None:
            raise MissingChunkHeader(3, chunk_stream_id)
        if stream.repeated:
            # §5.3.1.3 says that the extended timestamp is repeated; some encoders do not.
            following = data[at : at + 4]
            if following == stream.repeated:
                at += 4
            elif stream.repeated.startswith(following):
                return None
        if stream.left:
            self._stream = stream
        else:
            self._begin_message(stream)
        return at

    def _find_stream(self, chunk_stream_id: int, chunk_type: int) -> _ChunkStream:
        stream = self._streams.get(chunk_stream_id)
        if stream is not None:
            return stream
        if chunk_type > 1:
            raise MissingChunkHeader(chunk_type, chunk_stream_id)
        if len(self._streams) >= MAX_CHUNK_STREAMS:
            raise TooManyChunkStreams(MAX_CHUNK_STREAMS)
        # librtmp opens a chunk stream for its pings with type 1. What is missing counts as 0.
        stream = self._streams[chunk_stream_id] = _ChunkStream()
        return stream

    def _begin_message(self, stream: _ChunkStream) -> None:
        """Begin a message with the headers that `stream` has; an incomplete one on it is dropped."""
        if stream.parts is not None:
            self._drop(stream)
        stream.timestamp = stream.timestamp + stream.delta & _MASK
        stream.left = stream.length
        self._stream = stream

    def _store(self, stream: _ChunkStream, piece: bytes) -> Message | None:
        """Keep a piece of a message, and return the message once it is complete.

        Set Chunk Size and Abort are obeyed here and not returned.
        """
        parts = stream.parts
        if stream.left:
            self.pending_bytes += len(piece)
            if self.pending_bytes > MAX_PENDING_BYTES:
                raise TooMuchPending(MAX_PENDING_BYTES)
            if parts is None:
                stream.parts = bytearray(piece)
            else:
                parts += piece
            return None
        if parts is not None:
            self.pending_bytes -= len(parts)
            stream.parts = None
            piece = bytes(parts) + piece
        if stream.type_id <= _ABORT:
            self._obey(stream.type_id, piece)
            return None
        return Message(stream.type_id, stream.stream_id, stream.timestamp, piece)

    def _obey(self, type_id: int, body: bytes) -> None:
        if type_id == _SET_CHUNK_SIZE:
            chunk_size = SetChunkSize.parse(body).value
            if not 1 <= chunk_size <= MAX_CHUNK_SIZE:
                raise ChunkSizeOutOfRange(chunk_size)
            self._chunk_size = chunk_size
            return
        stream = self._streams.get(Abort.parse(body).value)
        if stream is not None:
            self._drop(stream)
            stream.left = 0

    def _drop(self, stream: _ChunkStream) -> None:
        if stream.parts is not None:
            self.pending_bytes -= len(stream.parts)
            stream.parts = None


def _is_stored(type_id: int, length: int) -> bool:
    limit = _MAX_BYTES.get(type_id)
    if limit is None:
        return False
    if length <= limit:
        return True
    if type_id in _SKIPPED_WHEN_TOO_LONG:
        return False
    raise MessageTooLong(type_id, length, limit)


def serialize_message(
    chunk_stream_id: int, message: Message, chunk_size: int = INITIAL_CHUNK_SIZE
) -> bytes:
    """Return the chunks of one message: type 0, then type 3; `chunk_stream_id` is 2 to 63."""
    type_id, stream_id, timestamp, payload = message
    extended = timestamp.to_bytes(4, "big") if timestamp >= _EXTENDED else b""
    header = (
        bytes((chunk_stream_id,))
        + min(timestamp, _EXTENDED).to_bytes(3, "big")
        + len(payload).to_bytes(3, "big")
        + bytes((type_id,))
        + stream_id.to_bytes(4, "little")
        + extended
    )
    parts = [header, payload[:chunk_size]]
    for at in range(chunk_size, len(payload), chunk_size):
        parts += (bytes((0xC0 | chunk_stream_id,)), extended, payload[at : at + chunk_size])
    return b"".join(parts)
