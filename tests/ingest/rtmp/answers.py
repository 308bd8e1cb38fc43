"""Reads what the server sends, as a client would."""

from dataclasses import dataclass

from ingest.rtmp.amf0 import Value, parse_values
from ingest.rtmp.handshake import SIZE
from ingest.rtmp.messages import Message

HANDSHAKE_BYTES = 1 + 2 * SIZE
SET_CHUNK_SIZE, COMMAND = 1, 20


@dataclass(frozen=True)
class Answer:
    """A command from the server."""

    name: str
    stream_id: int
    values: tuple[Value, ...]

    @property
    def code(self) -> str:
        return self._text("code")

    @property
    def description(self) -> str:
        return self._text("description")

    def _text(self, name: str) -> str:
        for value in self.values:
            if isinstance(value, dict) and name in value:
                return str(value[name])
        return ""


def parse_messages(data: bytes, chunk_size: int = 128) -> list[Message]:
    """Chunks of type 0 and 3 that do not interleave, as the server writes them."""
    messages, at = [], 0
    while at < len(data):
        assert data[at] >> 6 == 0
        assert 2 <= data[at] < 64
        continuation = 0xC0 | data[at]
        time, length = (int.from_bytes(data[at + i : at + i + 3], "big") for i in (1, 4))
        type_id, stream_id = data[at + 7], int.from_bytes(data[at + 8 : at + 12], "little")
        at += 12
        payload = b""
        while True:
            size = min(chunk_size, length - len(payload))
            payload += data[at : at + size]
            at += size
            if len(payload) == length:
                break
            assert data[at] == continuation
            at += 1
        if type_id == SET_CHUNK_SIZE:
            chunk_size = int.from_bytes(payload, "big")
        messages.append(Message(type_id, stream_id, time, payload))
    return messages


def parse_commands(data: bytes, chunk_size: int = 128) -> list[Answer]:
    answers = []
    for message in parse_messages(data, chunk_size):
        if message.type_id == COMMAND:
            name, *values = parse_values(message.payload)
            answers.append(Answer(str(name), message.stream_id, tuple(values)))
    return answers
