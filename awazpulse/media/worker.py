"""The child: `python -m awazpulse.media.worker` decodes and encodes for the server, one request at a time.

It reads requests from standard input and writes answers to standard output (see `wire`), and ends when
standard input does: with its parent, also one that was killed, and also in the middle of a file, for a
thread of its own reads. Whatever else writes to standard output goes to standard error.
"""

import contextlib
import os
import queue
import resource
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from awazpulse.audio import AudioError

from .errors import MediaFailed, UnusableFile
from .values import track_from_json
from .wire import ERRORS, LENGTHS, Head, parse_head, parse_lengths, serialize_message

NICENESS = 10  # audio in the server goes first
MAX_ADDRESS_SPACE_BYTES = (
    2 << 30
)  # what a hostile file can have libav ask for; it needs 0.6 GB itself
_STANDARD_INPUT = 0
_PIECE_BYTES = 1 << 20

Request: TypeAlias = tuple[Head, bytes]


def main() -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends this one
    os.nice(NICENESS)
    with contextlib.suppress(ValueError, OSError):  # a lower limit stands already; macOS has none
        resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESS_SPACE_BYTES, MAX_ADDRESS_SPACE_BYTES))
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
    threading.Thread(target=_read_requests, args=(requests,), name="requests", daemon=True).start()
    _silence_libav()
    while True:
        answers.write(_answer(*requests.get()))
        answers.flush()


def _read_requests(requests: "queue.SimpleQueue[Request]") -> None:
    """Queue what comes; at its end end the process, whatever the other thread does."""
    try:
        while request := _read_request():
            requests.put(request)
    finally:
        os._exit(0)


def _read_request() -> Request | None:
    """Return the next request, or None if there is none, or not all of it."""
    lengths = _read_exactly(LENGTHS.size)
    if lengths is None:
        return None
    head_bytes, body_bytes = parse_lengths(lengths)
    data = _read_exactly(head_bytes + body_bytes)
    return (parse_head(data[:head_bytes]), data[head_bytes:]) if data else None


def _read_exactly(count: int) -> bytes | None:
    """Read past Python's file object: its lock, held by a thread, aborts the process when it ends."""
    data = bytearray()
    while len(data) < count:
        piece = os.read(_STANDARD_INPUT, min(count - len(data), _PIECE_BYTES))
        if not piece:
            return None
        data += piece
    return bytes(data)


def _silence_libav() -> None:
    import av  # noqa: PLC0415  # after SIGINT is ignored: it takes 0.2 s

    av.logging.set_level(None)  # it says on standard error what it also raises


def _answer(head: Head, body: bytes) -> bytes:
    """Do what is asked, and return the answer's message."""
    try:
        result = _HANDLERS[head["do"]](head, body)
    except UnusableFile as error:
        return _serialize_error("unusable_file", error)
    except (MediaFailed, AudioError, OSError, MemoryError, ValueError) as error:
        return _serialize_error("failed", error)
    return serialize_message({"result": result})


def _serialize_error(name: str, error: Exception) -> bytes:
    assert name in ERRORS
    return serialize_message({"error": name, "text": str(error) or type(error).__name__})


def _measure(head: Head, body: bytes) -> list[dict[str, Any] | None]:
    from . import levels  # noqa: PLC0415  # each child loads what it is for

    found: list[dict[str, Any] | None] = []
    at = 0
    for fields, size in head["samples"]:
        measured = levels.measure(track_from_json(fields), body[at : at + size])
        found.append(measured.to_json() if measured else None)
        at += size
    return found


def _probe(head: Head, _: bytes) -> dict[str, Any]:
    from . import fallback  # noqa: PLC0415

    return fallback.probe(Path(head["path"])).to_json()


def _prepare(head: Head, _: bytes) -> str:
    from . import fallback  # noqa: PLC0415

    prepared = fallback.prepare(
        Path(head["path"]),
        track_from_json(head["track"]),
        head["bitrate_kbps"],
        Path(head["out_dir"]),
    )
    return str(prepared.path.with_suffix(".json"))


_HANDLERS: dict[str, Callable[[Head, bytes], Any]] = {
    "measure": _measure,
    "probe": _probe,
    "prepare": _prepare,
}


if __name__ == "__main__":
    main()
