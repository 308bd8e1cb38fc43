import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icecast_compat.errors import MalformedRequest, RequestError, RequestTooLarge
from icecast_compat.request import (
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    MAX_QUERY_FIELDS,
    Request,
    split_head,
)

BUTT = (
    b"PUT /demo.mp3 HTTP/1.1\r\nHost: localhost:8000\r\nAuthorization: Basic c291cmNlOnB3\r\n"
    b"User-Agent: butt 0.1.36\r\nContent-Type: audio/mpeg\r\nice-public: 0\r\n"
    b"ice-audio-info: ice-bitrate=128;ice-channels=2;ice-samplerate=44100\r\n"
    b"Expect: 100-continue\r\n\r\n"
)


def split(data: bytes, behind: bytes = b"") -> Request:
    """Parse a head whole, byte by byte, and with bytes behind it; all must agree."""
    whole = split_head(data + behind)
    assert whole is not None
    assert whole[1] == behind
    received = b""
    for at in range(len(data)):
        searched = len(received)
        received += data[at : at + 1]
        pieces = split_head(received, searched)
        assert (pieces is not None) == (at == len(data) - 1)
    assert pieces == (whole[0], b"")
    return whole[0]


def test_butts_login() -> None:
    request = split(BUTT, b"\xff\xfb\x90\x00audio")
    assert (request.method, request.path, request.version) == ("PUT", "/demo.mp3", (1, 1))
    assert request.credentials == ("source", "pw")
    assert request.expects_continue
    assert (
        request.headers["ice-audio-info"] == "ice-bitrate=128;ice-channels=2;ice-samplerate=44100"
    )


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r\r\n"])
def test_every_line_end_that_encoders_send(end: bytes) -> None:
    head = b"SOURCE /demo.mp3 ICE/1.0", b"content-type: audio/mpeg", b"ice-name:No Space"
    request = split(end.join(head) + end + end, b"\n\naudio")
    assert (request.protocol, request.version) == ("ICE", (1, 0))
    assert request.headers == {"content-type": "audio/mpeg", "ice-name": "No Space"}
    assert not request.keeps_alive


@pytest.mark.parametrize(
    ("version", "header", "keeps_alive"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: close\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: Keep-Alive\r\n", True),
    ],
)
def test_keeping_alive(version: bytes, header: bytes, keeps_alive: bool) -> None:
    request = split(b"GET / HTTP/" + version + b"\r\n" + header + b"\r\n")
    assert request.keeps_alive is keeps_alive


def test_absolute_targets_and_percent_signs() -> None:
    request = split(b"GET http://host:8000/a%20b?song=%e9%20x&charset=latin-1 HTTP/1.0\r\n\r\n")
    assert request.path == "/a b"
    assert request.query == {"song": b"\xe9 x", "charset": b"latin-1"}


def test_a_query_in_raw_bytes_of_any_charset_keeps_its_bytes() -> None:
    request = split(b"GET /admin/metadata?song=\xcf\xf0\xe8 HTTP/1.0\r\n\r\n")
    assert request.query["song"] == b"\xcf\xf0\xe8"


def test_header_text_is_utf_8_else_latin_1() -> None:
    request = split(b"GET / HTTP/1.0\r\na: \xc3\xa9\r\nb: \xe9\r\n\r\n")
    assert request.headers == {"a": "é", "b": "é"}


@pytest.mark.parametrize(
    "authorization",
    [b"", b"Bearer x", b"Basic !!!", b"Basic bm9jb2xvbg==", b"Basic"],
)
def test_what_is_no_basic_authentication_is_none(authorization: bytes) -> None:
    request = split(b"GET / HTTP/1.0\r\nAuthorization: " + authorization + b"\r\n\r\n")
    assert request.credentials is None


def test_a_password_may_hold_colons_and_any_script() -> None:
    request = split(b"GET / HTTP/1.0\r\nauthorization: basic c291cmNlOmE6w6k=\r\n\r\n")
    assert request.credentials == ("source", "a:é")


@pytest.mark.parametrize(
    "data",
    [
        b"\x03\x00\x00\x00\x01" + bytes(20),  # an RTMP handshake
        b"\x16\x03\x01\x02\x00\x01\x00",  # a TLS handshake
        b"GET /\r\n\r\n",
        b"GET / RTSP/1.0\r\n\r\n",
        # What two servers may take for two different requests.
        b"PUT / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"PUT / HTTP/1.1\r\nContent-Length : 5\r\n\r\n",
        b"PUT / HTTP/1.1\r\nContent-Length:\r\n 5\r\n\r\n",
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        b"PUT / HTTP/1.1\r\nTransfer-Encoding:\r\n\tchunked\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedRequest):
        split_head(data)


def head_of(size: int) -> bytes:
    line = b"GET / HTTP/1.0\r\nx: "
    return line + b"a" * (size - len(line)) + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("make", "limit"),
    [
        (head_of, MAX_HEAD_BYTES),
        (lambda n: b"GET / HTTP/1.0\r\n" + b"a: b\r\n" * n + b"\r\n", MAX_HEADERS),
        (
            lambda n: b"GET /?" + b"&".join(b"%d=" % i for i in range(n)) + b" HTTP/1.0\r\n\r\n",
            MAX_QUERY_FIELDS,
        ),
    ],
)
def test_each_limit_holds_exactly(make: Callable[[int], bytes], limit: int) -> None:
    assert split_head(make(limit)) is not None
    with pytest.raises(RequestTooLarge):
        split_head(make(limit + 1))


def test_a_head_that_never_ends_is_refused_at_the_limit() -> None:
    assert split_head(b"GET / HTTP/1.0\r\nx: " + b"a" * (MAX_HEAD_BYTES - 19)) is None
    with pytest.raises(RequestTooLarge, match="head over 16384 bytes"):
        split_head(b"GET / HTTP/1.0\r\nx: " + b"a" * (MAX_HEAD_BYTES - 18))


def test_a_password_is_in_no_repr() -> None:
    assert "c291" not in repr(split(BUTT))


@given(st.binary(max_size=400))
def test_random_bytes_are_a_request_or_none_yet_or_refused(data: bytes) -> None:
    for head in (data, b"GET " + data, b"GET / HTTP/1.1\r\n" + data + b"\r\n\r\n"):
        with contextlib.suppress(RequestError):
            split_head(head)


def test_lines_that_are_no_headers_are_passed_over() -> None:
    request = split(
        b"PUT /a.mp3 HTTP/1.1\r\nice-name: A\r\nno colon\r\n: no name\r\nice-url: b\r\n\r\n"
    )
    assert request.headers == {"ice-name": "A", "ice-url": "b"}


@pytest.mark.parametrize("space", [b" ", b"\t", b"   "])
def test_a_folded_line_goes_on_with_the_one_before_it(space: bytes) -> None:
    request = split(
        b"PUT /a.mp3 HTTP/1.1\r\n" + space + b"of nothing\r\n"
        b"ice-description: one\r\n" + space + b"two: three\r\nice-url: b\r\n\r\n"
    )
    assert request.headers == {"ice-description": "one two: three", "ice-url": "b"}


def test_a_method_may_be_in_lower_case() -> None:
    assert split(b"source /a.mp3 HTTP/1.0\r\n\r\n").method == "SOURCE"


@pytest.mark.parametrize("encoded", [b"c291cmNlOmE=", b"c291cmNlOmE", b" c291cmNlOmE "])
def test_base64_may_be_without_its_padding(encoded: bytes) -> None:
    request = split(b"GET / HTTP/1.0\r\nauthorization: Basic " + encoded + b"\r\n\r\n")
    assert request.credentials == ("source", "a")


def test_a_long_title_in_percent_encoding_fits() -> None:
    song = "%D9%86" * 2048  # 4 KB of UTF-8
    data = f"GET /admin/metadata?mode=updinfo&mount=/a.mp3&song={song} HTTP/1.0\r\n\r\n".encode()
    assert split(data).query["song"] == "\u0646".encode() * 2048


def test_what_is_no_utf8_is_kept_as_it_came() -> None:
    name = "\u0420\u0430\u0434\u0438\u043e".encode("cp1251")
    request = split(b"PUT / HTTP/1.0\r\nice-name: " + name + b"\r\nice-genre: pop\r\n\r\n")
    assert request.undecoded == {"ice-name": name}
    assert request.headers["ice-genre"] == "pop"
