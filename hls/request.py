"""Reads HTTP/1.1 requests that have no body, with httptools' parser. No I/O.

Contract: `receive_data` takes any bytes. `next_request` returns the next whole request, or None if
it needs more data, or raises `RequestRefused`; then the connection has to be closed. A client may
send requests without waiting for answers (RFC 9112 §9.3.2).

Heads are cut out here, and the parser gets each one whole. So their limit is exact, and bytes that
are not HTTP (TLS, RTMP) are refused at once instead of by a deadline.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import httptools

from awazpulse.proxies import ADDRESS_HEADERS, HEADERS

from .errors import RequestRefused

_END = b"\r\n\r\n"
_LONGEST_METHOD = 16  # llhttp's longest is MKCALENDAR; without a space by then it is no request
_ANSWERED_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_ADDRESS_HEADERS = tuple(name.encode() for name in ADDRESS_HEADERS)
_FRAMING_LINES = 2  # of a head: the request line and the empty line at the end


@dataclass(slots=True)
class Request:
    """What an answer depends on. `path` is decoded and has no query.

    `forwarding`: what a proxy says of the client, by header names in lower case, if it says anything.

    Not frozen: one is made for each request, and a frozen one costs 0.5 us more.
    """

    method: str
    path: str
    user_agent: bytes
    accepts_gzip: bool
    range: bytes | None
    keep_alive: bool
    forwarding: Mapping[str, str] | None = None


class RequestReader:
    """Cuts one connection's bytes into requests; see the module's head.

    `is_behind_proxy`: whether the peer is a proxy that is believed. Only then its headers are looked at.
    """

    def __init__(self, max_head_bytes: int) -> None:
        self.is_behind_proxy = False
        self._max_head_bytes = max_head_bytes
        self._buffer = bytearray()
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._is_complete = False
        self._keep_alive = False

    @property
    def has_partial(self) -> bool:
        """Whether a request has begun."""
        return bool(self._buffer)

    def receive_data(self, data: bytes) -> None:
        """Take what came from the client."""
        self._buffer += data

    def next_request(self) -> Request | None:
        """Return the next request; see the module's head."""
        head = self._take_head()
        return None if head is None else self._parse(head)

    def _take_head(self) -> bytes | None:
        buffer = self._buffer
        if buffer.startswith((b"\r", b"\n")):
            del buffer[: len(buffer) - len(buffer.lstrip(b"\r\n"))]  # RFC 9112 §2.2
        end = buffer.find(_END, 0, self._max_head_bytes)
        if end < 0:
            self._check_partial()
            return None
        end += len(_END)
        head = bytes(buffer[:end])
        del buffer[:end]
        return head

    def _check_partial(self) -> None:
        buffer = self._buffer
        method = buffer[:_LONGEST_METHOD].partition(b" ")[0]
        if method and (len(method) == _LONGEST_METHOD or not _is_method(method)):
            raise RequestRefused(400, "This is not an HTTP request.")
        if len(buffer) >= self._max_head_bytes:
            raise RequestRefused(
                431, f"The request's head has more than {self._max_head_bytes} bytes."
            )

    def _parse(self, head: bytes) -> Request:
        self._url = b""
        headers: dict[bytes, bytes] = {}
        self._headers = headers
        self._is_complete = False
        try:
            self._parser.feed_data(head)
        except httptools.HttpParserUpgrade:
            pass  # a server may ignore the wish to upgrade (RFC 9110 §7.8)
        except httptools.HttpParserError as error:
            raise RequestRefused(400, f"Malformed request: {error}") from error
        method = self._parser.get_method().decode("ascii")
        if not self._is_complete:
            status = 400 if method in _ANSWERED_METHODS else 405
            raise RequestRefused(status, "Requests have no body here.")
        if b"host" not in headers and self._parser.get_http_version() == "1.1":
            raise RequestRefused(400, "HTTP/1.1 requests name a Host (RFC 9112 section 3.2).")
        return Request(
            method,
            _parse_path(self._url),
            headers.get(b"user-agent", b""),
            _accepts_gzip(headers.get(b"accept-encoding", b"")),
            headers.get(b"range") if b"if-range" not in headers else None,
            self._keep_alive,
            _find_forwarding(headers, head) if self.is_behind_proxy else None,
        )

    # What httptools calls.

    def on_url(self, url: bytes) -> None:
        """Take (a part of) the request's target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header."""
        self._headers[name.lower()] = value

    def on_message_complete(self) -> None:
        """The request has ended without a body."""
        self._is_complete = True
        self._keep_alive = self._parser.should_keep_alive()  # the parser forgets it afterwards


def _find_forwarding(headers: dict[bytes, bytes], head: bytes) -> Mapping[str, str] | None:
    """Return the headers of a proxy, None if it says nothing of the client's address."""
    if headers.keys().isdisjoint(_ADDRESS_HEADERS):
        return None
    names = [name for name in HEADERS if name.encode() in headers]
    if head.count(b"\n") == len(headers) + _FRAMING_LINES:
        return {name: headers[name.encode()].decode("latin-1") for name in names}
    # Some header is there twice: HAProxy adds a line of its own below the one that came.
    text = head.decode("latin-1")
    return {name: ",".join(re.findall(rf"(?im)^{name}:(.*?)\r?$", text)) for name in names}


def _is_method(word: bytes | bytearray) -> bool:
    letters = word.replace(b"-", b"")  # M-SEARCH
    return letters.isalpha() and letters.isupper()


def _parse_path(target: bytes) -> str:
    """Return the path of a request's target, which may be a whole URL (RFC 9112 §3.2)."""
    if not target.startswith(b"/") and target != b"*":
        try:
            target = httptools.parse_url(target).path or b"/"
        except httptools.HttpParserError as error:
            raise RequestRefused(400, f"Malformed request target: {error}") from error
    path = target.partition(b"?")[0].decode("latin-1")
    return unquote(path) if "%" in path else path


def _accepts_gzip(header: bytes) -> bool:
    """Say whether an Accept-Encoding header takes gzip (RFC 9110 §12.5.3)."""
    if b"gzip" not in header:
        return False
    for choice in header.lower().split(b","):
        name, _, weight = choice.replace(b" ", b"").partition(b";q=")
        if name == b"gzip":
            return weight.strip(b"0.") != b"" or not weight
    return False
