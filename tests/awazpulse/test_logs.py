import io
import logging
import os
import re
import sys
import threading
import time

from awazpulse.logs import QueueingHandler


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("x", logging.INFO, "", 0, text, None, None)


class Held(io.StringIO):
    """A stream whose reader has stopped until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def write(self, text: str) -> int:
        self.go_on.wait(10)
        return super().write(text)


def test_lines_are_written_in_order() -> None:
    stream = io.StringIO()
    handler = QueueingHandler(stream)
    for n in range(100):
        handler.handle(record(f"line {n}"))
    handler.close_queue()
    assert [line.rsplit(" ", 1)[1] for line in stream.getvalue().splitlines()] == [
        str(n) for n in range(100)
    ]


def test_a_line_says_when_how_bad_where_and_what_once() -> None:
    stream = io.StringIO()
    handler = QueueingHandler(stream)
    handler.handle(record("on air"))
    handler.close_queue()
    assert re.fullmatch(r"[\d-]+ [\d:,]+ INFO    x: on air\n", stream.getvalue())


def test_an_exception_is_written_with_its_traceback() -> None:
    stream = io.StringIO()
    handler = QueueingHandler(stream)
    try:
        int("of ours")
    except ValueError:
        handler.handle(logging.LogRecord("x", logging.ERROR, "", 0, "failed", None, sys.exc_info()))
    handler.close_queue()
    assert "x: failed\nTraceback" in stream.getvalue()
    assert stream.getvalue().endswith(
        "ValueError: invalid literal for int() with base 10: 'of ours'\n"
    )


def test_a_reader_that_stops_costs_lines_and_no_time() -> None:
    stream = Held()
    handler = QueueingHandler(stream, max_lines=10)
    begun = time.monotonic()
    for n in range(1000):
        handler.handle(record(f"line {n}"))
    assert time.monotonic() - begun < 5
    stream.go_on.set()
    deadline = time.monotonic() + 5
    while handler._lines.qsize() and time.monotonic() < deadline:
        time.sleep(0.01)
    handler.handle(record("and on"))
    handler.close_queue()
    text = stream.getvalue()
    assert "lines were dropped: nobody read them" in text
    assert text.endswith("and on\n")
    assert text.count("\n") <= 13


def test_the_end_does_not_wait_for_a_reader_for_ever() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, True)
    stream = os.fdopen(writing, "w")
    handler = QueueingHandler(stream, max_lines=10)
    for _ in range(100):
        handler.handle(record("x" * 100_000))
    begun = time.monotonic()
    handler.close_queue()
    assert time.monotonic() - begun < 4
    os.set_blocking(reading, False)
    while handler._thread.is_alive():  # let the thread and the pipe go
        try:
            os.read(reading, 1_000_000)
        except BlockingIOError:
            time.sleep(0.01)
        if not handler._lines.qsize():
            handler.close_queue()
    os.close(reading)
    stream.close()
