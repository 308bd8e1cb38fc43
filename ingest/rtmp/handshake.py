"""The plain RTMP handshake, the server's side. No I/O. RTMP 1.0 §5.2.

    C0 C1 ->            one byte, 1,536 bytes
          <- S0 S1 S2   as soon as C1 is whole
    C2    ->            1,536 bytes, whose content nobody checks: encoders fill it with anything

Contract: `receive_data` consumes what it needs and returns the bytes behind C2, or None while it
needs more, or raises `NotRtmp` on the first byte. `data_to_send` returns the answer once.
"""

import os

from .errors import NotRtmp

VERSION = 3
SIZE = 1536  # of C1, C2, S1 and S2
_RANDOM_BYTES = SIZE - 8


class Handshake:
    """One server handshake; its buffer never holds more than C0, C1 and C2."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._answer = b""
        self._is_answered = False

    def receive_data(self, data: bytes) -> bytes | None:
        """Return what follows the handshake once it is complete, None before."""
        if data and not self._buffer and data[0] != VERSION:
            # No client speaks RTMPE (6) or the versions that §5.2.2 reserves any more. Another first
            # byte means HTTP or TLS. Such a peer is refused at once and not at a deadline.
            raise NotRtmp(data[0])
        buffer = self._buffer
        missing = 1 + 2 * SIZE - len(buffer)
        buffer += data[:missing]
        if not self._is_answered and len(buffer) > SIZE:
            self._is_answered = True
            self._answer = _serialize_answer(bytes(buffer[1 : 1 + SIZE]))
        return data[missing:] if len(data) >= missing else None

    def data_to_send(self) -> bytes:
        """Return S0, S1 and S2 once they are due; each byte is returned once."""
        answer, self._answer = self._answer, b""
        return answer


def _serialize_answer(c1: bytes) -> bytes:
    """Return S0, S1 and S2 (§5.2.3, §5.2.4).

    S1 has time 0 and version 0, which means that it holds no digest. S2 repeats C1.
    """
    s1 = bytes(8) + os.urandom(_RANDOM_BYTES)
    s2 = c1[:4] + bytes(4) + c1[8:]
    return bytes((VERSION,)) + s1 + s2
