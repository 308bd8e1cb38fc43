"""Logging that nobody waits for: lines go through a bounded queue to a thread, which writes them.

A reader of our standard error that stops (a pipe, a terminal that is held) would stop the event loop,
and with it every listener. So when the queue is full lines are dropped and counted; the count is told
when there is room again.

Lines are text for people, or JSON for programs: one object a line, with `time`, `level`, `logger`,
`message`, and where there is one `exception`. What a message begins with as fields ('channel=%s
broadcast=%d on air') are fields of the object, and no part of its message.
"""

import contextlib
import json
import logging
import logging.handlers
import os
import queue
import re
import threading
from enum import StrEnum
from typing import Any, Protocol

from awazpulse.iso_date import format_iso_date

MAX_QUEUED_LINES = 10_000
CLOSE_TIMEOUT_S = 1.0  # what is left at the end gets that long
_STANDARD_ERROR = 2
_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_FIELD = re.compile(r"(\w+)=(%[sd]|-)(?:\s+|$)")  # '-' says that there is none
_NOTHING = "-"
_DOCUMENT = "json_document"  # a record's attribute, when it is to be written as JSON


class LogFormat(StrEnum):
    """What a line is."""

    TEXT = "text"
    JSON = "json"


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
        self,
        stream: SupportsWrite | None = None,
        max_lines: int = MAX_QUEUED_LINES,
        log_format: LogFormat = LogFormat.TEXT,
    ) -> None:
        self._lines: queue.Queue[logging.LogRecord | None] = queue.Queue(max_lines)
        super().__init__(self._lines)
        self.setFormatter(logging.Formatter("%(message)s"))  # the rest of a line is the writer's
        self.log_format = log_format  # may be changed at any time
        self._stream = stream or StandardError()
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Return what is queued: a copy whose text is made, or with the object that is to be written."""
        prepared: logging.LogRecord = super().prepare(record)
        if self.log_format is LogFormat.JSON:
            setattr(prepared, _DOCUMENT, describe_record(record))
        return prepared

    def enqueue(self, record: logging.LogRecord) -> None:
        """Put a record in line, or drop it."""
        try:
            if self._dropped:
                self._lines.put_nowait(self.prepare(_make_note(self._dropped)))
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
            document = getattr(record, _DOCUMENT, None)
            # JSON has no line breaks, and with ASCII alone no other program takes anything for one.
            line = json.dumps(document) if document else formatter.format(record)
            with contextlib.suppress(OSError):  # nobody is there any more
                self._stream.write(line + "\n")


def describe_record(record: logging.LogRecord) -> dict[str, object]:
    """Return a record as an object of JSON."""
    fields, message = _read_fields(record)
    document: dict[str, object] = {
        "time": format_iso_date(record.created),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": message,
    }
    for name, value in fields.items():
        document.setdefault(name, value)
    traces = [record.stack_info] if record.stack_info else []
    if record.exc_info:
        traces.insert(0, logging.Formatter().formatException(record.exc_info))
    if traces:
        document["exception"] = "\n".join(traces)
    return document


def _read_fields(record: logging.LogRecord) -> tuple[dict[str, object], str]:
    """Return the fields that a message begins with, and the rest of it.

    They are read from the template and not from the text, where an encoder's name could look like one.
    """
    template, values = str(record.msg), record.args
    if not values or not isinstance(values, tuple):
        return {}, record.getMessage()
    fields: dict[str, object] = {}
    rest, end = list(values), 0
    while (field := _FIELD.match(template, end)) is not None:
        value: Any = _NOTHING if field[2] == _NOTHING else rest.pop(0)
        if value != _NOTHING:
            fields[field[1]] = value if isinstance(value, int) else str(value)
        end = field.end()
    return fields, template[end:] % tuple(rest)


def _make_note(dropped: int) -> logging.LogRecord:
    text = f"{dropped} lines were dropped: nobody read them"
    return logging.LogRecord(__name__, logging.WARNING, "", 0, text, None, None)


def change_logging(level: str, log_format: LogFormat) -> None:
    """Log from `level` up, and in this format, from now on."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    for handler in root.handlers:
        if isinstance(handler, QueueingHandler):
            handler.log_format = log_format


def start_logging(level: str, log_format: LogFormat = LogFormat.TEXT) -> QueueingHandler:
    """Log to standard error from `level` up; close the handler at the end."""
    handler = QueueingHandler(log_format=log_format)
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of every start at length
    return handler
