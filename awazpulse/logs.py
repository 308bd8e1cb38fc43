"""Logging that nobody waits for: lines go through a bounded queue to a thread, which writes them.

A reader of our standard error that stops (a pipe, a terminal that is held) would stop the event loop,
and with it every listener. So when the queue is full lines are dropped and counted; the count is told
when there is room again.
"""

import logging
import logging.handlers
import queue
import sys
import threading
from typing import TextIO

MAX_QUEUED_LINES = 10_000
CLOSE_TIMEOUT_S = 1.0  # what is left at the end gets that long
_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class QueueingHandler(logging.handlers.QueueHandler):
    """Hands records to a thread of its own; call `close_queue` at the end."""

    def __init__(self, stream: TextIO | None = None, max_lines: int = MAX_QUEUED_LINES) -> None:
        self._lines: queue.Queue[logging.LogRecord | None] = queue.Queue(max_lines)
        super().__init__(self._lines)
        self.setFormatter(logging.Formatter("%(message)s"))  # the rest of a line is the writer's
        self._writer = logging.StreamHandler(stream or sys.stderr)
        self._writer.setFormatter(logging.Formatter(_FORMAT))
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
        while (record := self._lines.get()) is not None:
            self._writer.handle(record)


def _make_note(dropped: int) -> logging.LogRecord:
    text = f"{dropped} lines were dropped: nobody read them"
    return logging.LogRecord(__name__, logging.WARNING, "", 0, text, None, None)


def start_logging(level: str) -> QueueingHandler:
    """Log to standard error from `level` up; close the handler at the end."""
    handler = QueueingHandler()
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of every start at length
    return handler
