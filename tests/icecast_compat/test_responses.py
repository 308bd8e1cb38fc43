import pytest

from icecast_compat import responses
from icecast_compat.responses import (
    refuse,
    respond,
    respond_iceresponse,
    respond_options,
    respond_partial,
    respond_unauthorized,
    stamp_date,
    without_body,
)


def parse(response: bytes) -> tuple[str, dict[str, str], bytes]:
    """Return the status line, the headers and the body."""
    head, _, body = response.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first, dict(line.split(": ", 1) for line in lines), body


ALL = [
    respond(200, "x"),
    respond(200, b"\0\xff", content_type="audio/mpeg", keep_alive=True),
    respond_unauthorized(),
    respond_unauthorized(keep_alive=True),
    refuse(404, responses.NOT_FOUND),
    respond_options(keep_alive=True),
    respond_iceresponse("done", ok=True),
    respond_partial(b"abc", 7, "audio/aac"),
]


@pytest.mark.parametrize("response", ALL)
def test_every_answer_tells_its_length_and_may_be_read_by_a_browser(response: bytes) -> None:
    _, headers, body = parse(response)
    assert int(headers["Content-Length"]) == len(body)
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "icy-metaint" in headers["Access-Control-Expose-Headers"]
    assert headers["Cache-Control"] == "no-cache, no-store"


@pytest.mark.parametrize("response", ALL)
def test_the_protocols_version_and_connection_say_whether_another_request_may_follow(
    response: bytes,
) -> None:
    first, headers, _ = parse(response)
    assert (first[:8], headers["Connection"]) in (("HTTP/1.0", "Close"), ("HTTP/1.1", "Keep-Alive"))


def test_the_date_stands_behind_the_status_line_and_nothing_else_changes() -> None:
    stamped = stamp_date(respond(200, "line\r\n"), 784_111_777.0)
    first, second, rest = stamped.split(b"\r\n", 2)
    assert second == b"Date: Sun, 06 Nov 1994 08:49:37 GMT"
    assert first + b"\r\n" + rest == respond(200, "line\r\n")


def test_a_401_asks_for_a_password() -> None:
    first, headers, body = parse(respond_unauthorized())
    assert first == "HTTP/1.0 401 You need to authenticate"
    assert headers["WWW-Authenticate"].startswith('Basic realm="')
    assert body == b"You need to authenticate\r\n"


def test_a_refusal_is_told_in_the_status_line_too_without_what_would_break_it() -> None:
    first, _, body = parse(refuse(403, "no\r\nX-Evil: 1\0 نور"))
    assert first == "HTTP/1.0 403 noX-Evil: 1 "
    assert body.decode() == "no\r\nX-Evil: 1\0 نور\r\n"


def test_a_few_bytes_are_told_as_a_range() -> None:
    first, headers, body = parse(respond_partial(b"abc", 7, "audio/aac"))
    assert first == "HTTP/1.0 206 Partial Content"
    assert headers["Content-Range"] == "bytes 7-9/*"
    assert headers["Content-Type"] == "audio/aac"
    assert body == b"abc"


@pytest.mark.parametrize(("ok", "number"), [(True, b"1"), (False, b"0")])
def test_an_administrators_command_is_answered_in_xml(ok: bool, number: bytes) -> None:
    _, headers, body = parse(respond_iceresponse("Clients moved", ok=ok))
    assert headers["Content-Type"] == "text/xml"
    assert body == (
        b'<?xml version="1.0"?>\n<iceresponse><message>Clients moved</message><return>'
        + number
        + b"</return></iceresponse>\n"
    )


def test_the_answer_to_head_is_the_head_alone_with_the_bodys_length() -> None:
    _, headers, body = parse(without_body(respond(200, "four")))
    assert headers["Content-Length"] == "4"
    assert body == b""
