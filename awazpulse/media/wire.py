"""How server and worker talk over the worker's standard input and output. No I/O.

A message is two lengths (head and body, four bytes each, big-endian), a head of JSON and a body of bytes.
The server asks, the worker answers each request before it reads the next. A request's head names what
to `do`; an answer's head has `result`, or `error` (a name of `ERRORS`) and `text`.
"""

import json
from struct import Struct
from typing import Any, TypeAlias

from .errors import MediaFailed, UnusableFile

Head: TypeAlias = dict[str, Any]

MAX_HEAD_BYTES = 1 << 20  # levels of 5,000 channels; a track is 150 bytes
MAX_BODY_BYTES = 64 << 20  # 0.2 s of 5,000 channels at 320 kbit/s is 40 MB
LENGTHS = Struct(">II")
ERRORS: dict[str, type[UnusableFile | MediaFailed]] = {
    "unusable_file": UnusableFile,
    "failed": MediaFailed,
}


def serialize_message(head: Head, body: bytes = b"") -> bytes:
    """Return the message; `MediaFailed` if it is larger than the other side takes."""
    encoded = json.dumps(head).encode()
    check_lengths(len(encoded), len(body))
    return b"".join((LENGTHS.pack(len(encoded), len(body)), encoded, body))


def parse_lengths(data: bytes) -> tuple[int, int]:
    """Return how long head and body are that follow; `MediaFailed` if no message is so long."""
    head_bytes, body_bytes = LENGTHS.unpack(data)
    check_lengths(head_bytes, body_bytes)
    return head_bytes, body_bytes


def parse_head(data: bytes) -> Head:
    """Return the head; `MediaFailed` if it is none."""
    try:
        head = json.loads(data)
    except ValueError as error:
        raise MediaFailed(f"got {data[:80]!r}, expected a head of JSON") from error
    if not isinstance(head, dict):
        raise MediaFailed(f"got {data[:80]!r}, expected a JSON object")
    return head


def check_lengths(head_bytes: int, body_bytes: int) -> None:
    """Raise `MediaFailed` if a message has more bytes than `MAX_HEAD_BYTES` and `MAX_BODY_BYTES`."""
    if head_bytes > MAX_HEAD_BYTES or body_bytes > MAX_BODY_BYTES:
        raise MediaFailed(
            f"got a message of {head_bytes} and {body_bytes} bytes, expected at most"
            f" {MAX_HEAD_BYTES} and {MAX_BODY_BYTES}"
        )
