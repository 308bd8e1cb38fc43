"""What an RTMP peer can do wrong. Each exception holds the facts; `str()` makes the sentence.

    PeerError
    └── RtmpError
        ├── NotRtmp                 the first byte is no RTMP version
        ├── ChunkError
        │   ├── MissingChunkHeader  a short header on a chunk stream that has had no full one
        │   ├── TooManyChunkStreams, also a LimitPassed
        │   └── ChunkSizeOutOfRange
        ├── MessageTooLong          a declared length above the limit of its type
        ├── LimitPassed
        │   ├── TooMuchPending        too many bytes of messages that are not complete
        │   ├── TooMuchBeforePublish  too many bytes without a publish command
        │   └── TooManyMessageStreams
        ├── MalformedMessage        a body that does not parse as its type
        │   └── MalformedAmf
        ├── UnexpectedCommand       a command that the state does not allow
        ├── UnplayableAudio         media without audio that can be played; also an AudioError
        └── DeadlinePassed

No text carries what the peer sent as a name: a stream name holds the key.
"""

from typing import ClassVar

from awazpulse.audio import AudioError
from awazpulse.errors import PeerError

_TLS_HANDSHAKE = 0x16  # RFC 8446 §5.1, the first byte of a ClientHello


class RtmpError(PeerError):
    """The peer broke RTMP or passed a limit of ours; the connection ends."""


class NotRtmp(RtmpError):
    """The first byte is not the version of plain RTMP."""

    def __init__(self, first_byte: int) -> None:
        super().__init__(first_byte)
        self.first_byte = first_byte

    def __str__(self) -> str:
        if self.first_byte == _TLS_HANDSHAKE:
            return "got a TLS handshake, expected plain RTMP (rtmp://, not rtmps://)"
        text = f"got {self.first_byte:#04x} as the first byte, expected RTMP version 0x03"
        is_letter = chr(self.first_byte).isascii() and chr(self.first_byte).isalpha()
        return text + " (an HTTP request?)" if is_letter else text


class LimitPassed(RtmpError):
    """The peer passed `limit`, one of our limits."""

    TEXT: ClassVar[str]

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return self.TEXT.format(self.limit)


class ChunkError(RtmpError):
    """The chunk layer cannot go on (RTMP 1.0 §5.3)."""


class MissingChunkHeader(ChunkError):
    """The first chunk of a chunk stream has type 2 or 3, which lacks length and message type."""

    def __init__(self, chunk_type: int, chunk_stream_id: int) -> None:
        super().__init__(chunk_type, chunk_stream_id)
        self.chunk_type = chunk_type
        self.chunk_stream_id = chunk_stream_id

    def __str__(self) -> str:
        return (
            f"got a type-{self.chunk_type} chunk first on chunk stream {self.chunk_stream_id},"
            " expected type 0 or 1"
        )


class TooManyChunkStreams(ChunkError, LimitPassed):
    """More chunk streams than any encoder uses."""

    TEXT = "got more than {} chunk streams"


class ChunkSizeOutOfRange(ChunkError):
    """A Set Chunk Size outside 1 to 2^31-1 (RTMP 1.0 §5.4.1)."""

    def __init__(self, chunk_size: int) -> None:
        super().__init__(chunk_size)
        self.chunk_size = chunk_size

    def __str__(self) -> str:
        return f"got a chunk size of {self.chunk_size}, expected 1 to {2**31 - 1}"


class MessageTooLong(RtmpError):
    """A chunk header declares more bytes than a message of this type may have."""

    def __init__(self, type_id: int, length: int, limit: int) -> None:
        super().__init__(type_id, length, limit)
        self.type_id = type_id
        self.length = length
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"got a message of type {self.type_id} with {self.length} bytes,"
            f" expected at most {self.limit}"
        )


class TooMuchPending(LimitPassed):
    """The incomplete messages of all chunk streams together are too long."""

    TEXT = "got more than {} bytes of incomplete messages"


class TooMuchBeforePublish(LimitPassed):
    """A peer has not asked to publish, and has sent more bytes than that takes."""

    TEXT = "got more than {} bytes without a publish command"


class TooManyMessageStreams(LimitPassed):
    """More createStream commands than any encoder sends."""

    TEXT = "got createStream more than {} times"


class MalformedMessage(RtmpError):
    """A message body that is not what its type says."""


class MalformedAmf(MalformedMessage):
    """Bytes that do not parse as AMF0."""


class UnexpectedCommand(RtmpError):
    """A command in a state that does not allow it."""

    def __init__(self, command: str, state: str) -> None:
        super().__init__(command, state)
        self.command = command
        self.state = state

    def __str__(self) -> str:
        return f"got {self.command} in state {self.state}"


class UnplayableAudio(RtmpError, AudioError):
    """The peer sends media, but no audio that can be played."""

    def __init__(self, reason: str, wait_s: float) -> None:
        super().__init__(reason, wait_s)
        self.reason = reason  # what is wrong, and what to do about it
        self.wait_s = wait_s

    def __str__(self) -> str:
        return f"no audio that can be played within {self.wait_s:g} s: {self.reason}"


class DeadlinePassed(RtmpError):
    """The peer did not do what it has to do next in time."""

    def __init__(self, missing: str, wait_s: float) -> None:
        super().__init__(missing, wait_s)
        self.missing = missing
        self.wait_s = wait_s

    def __str__(self) -> str:
        return f"no {self.missing} within {self.wait_s:g} s"
