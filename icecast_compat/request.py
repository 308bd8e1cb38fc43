"""A request's head as Icecast's clients send it. No I/O.

`split_head` takes what has come. It returns the head and the bytes behind it (a source's audio may begin
there), or None when it needs more, or raises. Heads end in CRLF CRLF, in LF LF, or in the
CR CR LF CR CR LF that some old encoders send. The protocol is `HTTP/1.x` or `ICE/1.0`.
RFC 9112 §2 to §5, as leniently as §2.2 allows.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_to_bytes

from .errors import MalformedRequest, RequestTooLarge

MAX_HEAD_BYTES = 16 * 1024  # Icecast reads 4 KiB; a title of 4 KB in percent-encoding is 12
MAX_HEADERS = 512  # a browser sends 20; the limit on the size comes first
MAX_QUERY_FIELDS = 32  # a title update has 6

_HEAD_END = re.compile(rb"\r\n\r\n|\n\n|\r\r\n\r\r\n")
_REQUEST_LINE = re.compile(rb"([A-Za-z]{1,16}) +([!-~\x80-\xff]{1,16000}) +(HTTP|ICE)/(\d)\.(\d)")
_LINE_ENDS = re.compile(rb"[\r\n]+")
_LONGEST_HEAD_END = 6
FRAMING = frozenset({"content-length", "transfer-encoding"})  # they say where a body ends


@dataclass(frozen=True, slots=True)
class Request:
    """A parsed head. `path` is decoded; `headers` have lower-case names; repeated ones are joined.

    The values of `query` are bytes, because a title may be in any charset; `title_charset` decodes it.
    `undecoded` has the headers that are no UTF-8, as they came.
    """

    method: str
    path: str
    query: dict[str, bytes] = field(repr=False)  # /admin.cgi carries a password in it
    protocol: str  # "HTTP" or "ICE"
    version: tuple[int, int]
    headers: dict[str, str] = field(repr=False)
    undecoded: dict[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def keeps_alive(self) -> bool:
        """Whether the client will send another request over this connection."""
        wish = self.headers.get("connection", "").lower()
        if self.version >= (1, 1) and self.protocol == "HTTP":
            return "close" not in wish
        return "keep-alive" in wish

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for a 100 before it sends the body (RFC 9110 §10.1.1)."""
        return self.headers.get("expect", "").lower() == "100-continue"

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User and password of Basic authentication (RFC 7617), or None."""
        scheme, _, encoded = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            padded = encoded.strip() + "=" * (-len(encoded.strip()) % 4)  # some leave it away
            decoded = _decode_text(base64.b64decode(padded, validate=True))
        except binascii.Error:
            return None
        user, colon, password = decoded.partition(":")
        return (user, password) if colon else None


def split_head(data: bytes | bytearray, searched_bytes: int = 0) -> tuple[Request, bytes] | None:
    """Return the first request and what follows it, or None when more is needed.

    `searched_bytes`: the length of `data` at the last call, if that returned None.

    Raises `MalformedRequest` as soon as the first bytes show that this is no request, and
    `RequestTooLarge` when `MAX_HEAD_BYTES` hold no whole head.
    """
    begin = max(0, searched_bytes - _LONGEST_HEAD_END)
    end = _HEAD_END.search(data, begin, MAX_HEAD_BYTES + _LONGEST_HEAD_END)
    if end is None or end.start() > MAX_HEAD_BYTES:
        if len(data) > MAX_HEAD_BYTES:
            raise RequestTooLarge(f"got a request head over {MAX_HEAD_BYTES} bytes")
        _check_beginning(data)
        return None
    return _parse_head(bytes(data[: end.start()])), bytes(data[end.end() :])


def _check_beginning(data: bytes | bytearray) -> None:
    """Raise at once for what is no request (an RTMP or TLS handshake), whose head would never end."""
    beginning = bytes(data[:16]).lstrip(b"\r\n").split(b" ")[0]
    if beginning and not re.fullmatch(rb"[A-Za-z]*", beginning):
        raise MalformedRequest("got no HTTP request")


def _decode_text(data: bytes) -> str:
    """Decode UTF-8, or Latin-1 where it is not UTF-8: old encoders write station names so."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _parse_head(head: bytes) -> Request:
    first, *lines = _LINE_ENDS.split(head.strip(b"\r\n"))
    match = _REQUEST_LINE.fullmatch(first)
    if match is None:
        raise MalformedRequest("got no HTTP request line")
    method, target, protocol, major, minor = match.groups()
    path, query = _parse_target(target)
    version = int(major), int(minor)
    raw = _parse_headers(lines)
    headers = {name: _decode_text(value) for name, value in raw.items()}
    undecoded = {name: value for name, value in raw.items() if not _is_utf8(value)}
    method_name = method.decode().upper()
    return Request(method_name, path, query, protocol.decode(), version, headers, undecoded)


def _parse_headers(lines: list[bytes]) -> dict[str, bytes]:
    """Return the headers by lower-case name. Lines that are none are passed over, as Icecast does.

    A line that begins with a space goes on with the one before it (RFC 9112 §5.2). What decides where a
    request ends must be said in one way only. Raises `MalformedRequest`, `RequestTooLarge`.
    """
    if len(lines) > MAX_HEADERS:
        raise RequestTooLarge(f"got {len(lines)} headers, expected at most {MAX_HEADERS}")
    headers: dict[str, bytes] = {}
    last = ""
    for line in lines:
        if line[:1] in (b" ", b"\t"):
            if last in FRAMING:
                raise MalformedRequest(f"got a folded {last}")
            if last:
                headers[last] += b" " + line.strip()
            continue
        given, colon, value = line.partition(b":")
        last = _decode_text(given.strip()).lower() if colon else ""
        if not last:
            continue
        if last in FRAMING and (given != given.strip() or last in headers):
            raise MalformedRequest(f"got {last} twice, or with a space before its colon")
        value = value.strip()
        headers[last] = headers[last] + b", " + value if last in headers else value
    if len(FRAMING & headers.keys()) > 1:
        raise MalformedRequest("got both a Content-Length and a Transfer-Encoding")
    return headers


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _parse_target(target: bytes) -> tuple[str, dict[str, bytes]]:
    """Split a target in origin or absolute form (RFC 9112 §3.2)."""
    absolute = re.match(rb"https?://[^/?]*", target, re.IGNORECASE)
    if absolute:
        target = target[absolute.end() :] or b"/"
    path, _, query = target.partition(b"?")
    return _decode_text(unquote_to_bytes(path)), parse_query(query)


def parse_query(query: bytes) -> dict[str, bytes]:
    """Return the fields of a query or a form. If a field is repeated, the last one counts."""
    try:
        pairs = parse_qsl(
            query.decode("latin-1"),  # Latin-1 maps each byte to one character, and back below
            keep_blank_values=True,
            encoding="latin-1",
            max_num_fields=MAX_QUERY_FIELDS,
        )
    except ValueError as error:
        raise RequestTooLarge(f"got over {MAX_QUERY_FIELDS} query fields") from error
    return {name: value.encode("latin-1") for name, value in pairs}
