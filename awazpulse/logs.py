"""Logging that nobody waits for: lines go through a bounded queue to a thread, which writes them.

A reader of our standard error that stops (a pipe, a terminal that is held) would stop the event loop,
and with it every listener. So when the queue is full lines are dropped and counted; the count is told
when there is room again.
"""

import contextlib
import logging
import logging.handlers
import os
import queue
import threading
from typing import Protocol

MAX_QUEUED_LINES = 10_000
CLOSE_TIMEOUT_S = 1.0  # what is left at the end gets that long
_STANDARD_ERROR = 2
_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class SupportsWrite(Protocol):
    """Where lines go."""

    def write(self, text: str, /) -> object:
        """Take one line; raises OSError when nobody is there."""


class StandardError:
    """Standard error past Python's own file object.

    Its lock, or a second handler's, would be held by a write that waits for a reader, and the
    process could not end.
    """

    def write(self, text: str) -> None:
        """Write all of `text`; it may wait for ever."""
        data = text.encode(errors="backslashreplace")
        while data:
            data = data[os.write(_STANDARD_ERROR, data) :]


class QueueingHandler(logging.handlers.QueueHandler):
    """Hands records to a thread of its own; call `close_queue` at the end."""

    def __init__(
        self, stream: SupportsWrite | None = None, max_lines: int = MAX_QUEUED_LINES
    ) -> None:
        self._lines: queue.Queue[logging.LogRecord | None] = queue.Queue(max_lines)
        super().__init__(self._lines)
        self.setFormatter(logging.Formatter("%(message)s"))  # the rest of a line is the writer's
        self._stream = stream or StandardError()
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def enqueue(self, record: logging.LogRecord) -> None:
        """Put a record in line, or drop it."""
        try:
            if self._dropped:
                self._lines.put_nowait(_make_note(self._dropped))
                self._dropped = 0
            self._lines.put_nowait(record)
        except queue.Full:
            self._dropped += 1

    def close_queue(self) -> None:
        """Write what is in line, for at most `CLOSE_TIMEOUT_S`."""
        try:
            self._lines.put(None, timeout=CLOSE_TIMEOUT_S)
        except queue.Full:
            return
        self._thread.join(CLOSE_TIMEOUT_S)

    def _write(self) -> None:
        formatter = logging.Formatter(_FORMAT)
        while (record := self._lines.get()) is not None:
            with contextlib.suppress(OSError):  # nobody is there any more
                self._stream.write(formatter.format(record) + "\n")


def _make_note(dropped: int) -> logging.LogRecord:
    text = f"{dropped} lines were dropped: nobody read them"
    return logging.LogRecord(__name__, logging.WARNING, "", 0, text, None, None)


def set_log_level(level: str) -> None:
    """Log from `level` up from now on."""
    logging.getLogger().setLevel(level.upper())


def start_logging(level: str) -> QueueingHandler:
    """Log to standard error from `level` up; close the handler at the end."""
    handler = QueueingHandler()
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of every start at length
    return handler
