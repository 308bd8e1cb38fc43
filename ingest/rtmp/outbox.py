"""What an RTMP server sends: answers as chunks, kept until the shell takes them. No I/O."""

from .chunk_stream import INITIAL_CHUNK_SIZE, serialize_message
from .commands import serialize_on_status
from .messages import CONTROL_CHUNK_STREAM, ControlMessage, Message, MessageType, SetChunkSize

_COMMAND_CHUNK_STREAM = 3
_STATUS_CHUNK_STREAM = 5


class Outbox:
    """Serializes answers in the order in which they are sent; all have timestamp 0."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._chunk_size = INITIAL_CHUNK_SIZE

    def __bool__(self) -> bool:
        return bool(self._data)

    def data_to_send(self) -> bytes:
        """Return what is due, and forget it."""
        data = bytes(self._data)
        self._data.clear()
        return data

    def send_bytes(self, data: bytes) -> None:
        """Send what is no chunk: the handshake."""
        self._data += data

    def send_control(self, control: ControlMessage) -> None:
        """Send a protocol control message; a Set Chunk Size holds for what follows it."""
        message = Message(control.TYPE, 0, 0, control.serialize())
        self._send(CONTROL_CHUNK_STREAM, message)
        if isinstance(control, SetChunkSize):
            self._chunk_size = control.value

    def send_command(self, payload: bytes) -> None:
        """Send an answer of the connection, on message stream 0."""
        self._send(_COMMAND_CHUNK_STREAM, Message(MessageType.COMMAND_AMF0, 0, 0, payload))

    def send_status(self, stream_id: int, level: str, code: str, description: str) -> None:
        """Send onStatus on a message stream; on stream 0 `rtmp2sink` would not hear it."""
        payload = serialize_on_status(level, code, description)
        self._send(_STATUS_CHUNK_STREAM, Message(MessageType.COMMAND_AMF0, stream_id, 0, payload))

    def _send(self, chunk_stream_id: int, message: Message) -> None:
        self._data += serialize_message(chunk_stream_id, message, self._chunk_size)
