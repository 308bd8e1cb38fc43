import io
import json
import logging
import os
import re
import sys
import threading
import time

import pytest

from awazpulse.logs import LogFormat, QueueingHandler, change_logging


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


def log_in_json(template: str, *values: object, fails: bool = False) -> list[dict[str, object]]:
    """Log one record; return what each line that was written holds."""
    stream = io.StringIO()
    handler = QueueingHandler(stream, log_format=LogFormat.JSON)
    error = sys.exc_info() if fails else None
    made = logging.LogRecord("x.y", logging.WARNING, "", 0, template, values, error)
    made.created = 1_700_000_000.0625
    handler.handle(made)
    handler.close_queue()
    return [json.loads(line) for line in stream.getvalue().split("\n") if line]


def test_a_line_of_json_has_time_level_logger_and_message() -> None:
    assert log_in_json("cannot use %s", "it") == [
        {
            "time": "2023-11-14T22:13:20.062Z",
            "level": "warning",
            "logger": "x.y",
            "message": "cannot use it",
        }
    ]


@pytest.mark.parametrize(
    ("template", "values", "fields", "message"),
    [
        (
            "channel=%s broadcast=%d on air",
            ("demo", 7),
            {"channel": "demo", "broadcast": 7},
            "on air",
        ),
        ("channel=%s is %s", ("demo", "100%"), {"channel": "demo"}, "is 100%"),
        ("rtmp=%d channel=- refused: %s", (3, "no"), {"rtmp": 3}, "refused: no"),
        ("rtmp=%d channel=%s refused", (3, "-"), {"rtmp": 3}, "refused"),
        ("%s 5%% left", ("still",), {}, "still 5% left"),
        ("channel=%s", ("demo",), {"channel": "demo"}, ""),
        ("100%", (), {}, "100%"),
        ("time=%s passes", ("slowly",), {}, "passes"),
        (
            "source %s came",
            ("channel=evil broadcast=1",),
            {},
            "source channel=evil broadcast=1 came",
        ),
    ],
)
def test_fields_are_read_from_the_template_and_never_from_a_text(
    template: str, values: tuple[object, ...], fields: dict[str, object], message: str
) -> None:
    (line,) = log_in_json(template, *values)
    standard = {"time": line["time"], "level": "warning", "logger": "x.y", "message": message}
    assert line == standard | fields


def test_a_message_that_begins_with_a_foreign_text_has_no_fields_of_it() -> None:
    (line,) = log_in_json("%s %s", "channel=evil", "x")
    assert line["message"] == "channel=evil x"
    assert "channel" not in line


def test_whatever_a_text_holds_is_one_line_of_ascii() -> None:
    stream = io.StringIO()
    handler = QueueingHandler(stream, log_format=LogFormat.JSON)
    text = 'a\nb\r\u2028\u0085"\\\udc80é\x1b[0m'
    handler.handle(record(text))
    handler.close_queue()
    written = stream.getvalue()
    assert written.isascii()
    assert len(written.splitlines()) == 1
    assert json.loads(written)["message"] == text


def test_an_exception_is_a_text_of_its_own_in_json() -> None:
    try:
        int("of ours")
    except ValueError:
        (line,) = log_in_json("channel=%s failed", "demo", fails=True)
    assert (line["message"], line["channel"]) == ("failed", "demo")
    trace = str(line["exception"])
    assert trace.startswith("Traceback")
    assert trace.endswith("ValueError: invalid literal for int() with base 10: 'of ours'")


def test_lines_that_were_dropped_are_told_in_json_too() -> None:
    stream = Held()
    handler = QueueingHandler(stream, max_lines=2, log_format=LogFormat.JSON)
    for n in range(20):
        handler.handle(record(f"line {n}"))
    stream.go_on.set()
    deadline = time.monotonic() + 5
    while handler._lines.qsize() and time.monotonic() < deadline:
        time.sleep(0.01)
    handler.handle(record("and on"))
    handler.close_queue()
    messages = [json.loads(line)["message"] for line in stream.getvalue().splitlines()]
    assert any("lines were dropped" in message for message in messages)


def test_the_format_changes_between_two_lines() -> None:
    stream = io.StringIO()
    handler = QueueingHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    try:
        handler.handle(record("one"))
        change_logging("warning", LogFormat.JSON)
        handler.handle(record("two"))
        assert root.level == logging.WARNING
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    handler.close_queue()
    one, two = stream.getvalue().splitlines()
    assert one.endswith("x: one")
    assert json.loads(two)["message"] == "two"
