"""The audio bytes inside a source's request body. No I/O.

Each reader has `receive_data`, which returns the audio in what has come, and `at_end`, which tells whether
the client has said that nothing follows.
"""

import re

from .errors import MalformedBody

MAX_CHUNK_LINE_BYTES = 256  # a size of 16 digits and its extensions; Liquidsoap sends under 10
_CHUNK_SIZE = re.compile(rb"\s*([0-9A-Fa-f]{1,15})\s*(?:;.*)?")


class RawBody:
    """A body that is not chunked: all that follows the head, up to the Content-Length if there is one."""

    def __init__(self, content_length: int | None = None) -> None:
        self._left = content_length

    @property
    def at_end(self) -> bool:
        """Whether the announced length has come."""
        return self._left == 0

    def receive_data(self, data: bytes) -> bytes:
        """Return the audio in `data`."""
        if self._left is None:
            return data
        data = data[: self._left]
        self._left -= len(data)
        return data


class ChunkedBody:
    """A chunked body (RFC 9112 §7.1)."""

    def __init__(self) -> None:
        self._line = b""
        self._left = 0  # bytes of the present chunk that have not come
        self._after_chunk = False  # the CRLF behind a chunk's data comes next
        self.at_end = False

    def receive_data(self, data: bytes) -> bytes:
        """Return the audio in `data`. Raises `MalformedBody` when the chunks are not well-formed."""
        audio = bytearray()
        while data and not self.at_end:
            if self._left:
                audio += data[: self._left]
                taken = min(self._left, len(data))
                self._left -= taken
                self._after_chunk = not self._left
                data = data[taken:]
            else:
                data = self._read_line(data)
        return bytes(audio)

    def _read_line(self, data: bytes) -> bytes:
        line, newline, rest = data.partition(b"\n")
        self._line += line
        if len(self._line) > MAX_CHUNK_LINE_BYTES:
            raise MalformedBody(f"got a chunk's size line over {MAX_CHUNK_LINE_BYTES} bytes")
        if newline:
            line, self._line = self._line.rstrip(b"\r"), b""
            if self._after_chunk:
                self._after_chunk = False
                if line:
                    raise MalformedBody("got bytes behind a chunk's data, expected CRLF")
            else:
                self._begin_chunk(line)
        return rest

    def _begin_chunk(self, line: bytes) -> None:
        match = _CHUNK_SIZE.fullmatch(line)
        if match is None:
            raise MalformedBody("got no chunk size")
        self._left = int(match[1], 16)
        self.at_end = not self._left


class MetadataStripper:
    """Takes out the metadata blocks that a source has put into its audio, every `metaint` bytes."""

    def __init__(self, metaint: int) -> None:
        self._metaint = metaint
        self._audio_left = metaint  # bytes until the next block
        self._block_left = 0

    def strip(self, data: bytes) -> bytes:
        """Return the audio in `data`."""
        audio = bytearray()
        while data:
            if self._block_left:
                taken = min(self._block_left, len(data))
                self._block_left -= taken
            elif self._audio_left:
                taken = min(self._audio_left, len(data))
                audio += data[:taken]
                self._audio_left -= taken
            else:
                taken = 1  # the length byte
                self._block_left = 16 * data[0]
                self._audio_left = self._metaint
            data = data[taken:]
        return bytes(audio)


def open_body(content_length: int | None, *, is_chunked: bool) -> RawBody | ChunkedBody:
    """Return the reader for a body as its head describes it."""
    return ChunkedBody() if is_chunked else RawBody(content_length)
