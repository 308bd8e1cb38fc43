"""HTTP answers as ready bytes. No I/O.

An `Answer` is made once and sent many times. Its head does not have what differs each time: the
Date and Connection headers and the empty line. The connection adds them.

Each answer has CORS headers (Fetch §3.2), errors too. Without them browsers hide the answer from a
page of another origin, and hls.js sees 'network error' instead of 404.
"""

import gzip
import re
from dataclasses import dataclass
from http import HTTPStatus

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
SEGMENT_TYPE = "video/mp2t"
ALLOWED_METHODS = "GET, HEAD, OPTIONS"
_SEGMENT_CACHE = "public, max-age=3600, immutable"  # a segment's bytes never change
_PLAYLIST_CACHE = "public, max-age=1"  # half a target duration: a CDN asks once a second
_GZIP_LEVEL = 6

_CORS = (
    "Access-Control-Allow-Origin: *\r\n"
    "Access-Control-Expose-Headers: Content-Length, Content-Range, Date, Retry-After\r\n"
    "Cross-Origin-Resource-Policy: cross-origin\r\n"
    "Timing-Allow-Origin: *\r\n"
)
_PREFLIGHT = (
    f"Access-Control-Allow-Methods: {ALLOWED_METHODS}\r\n"
    "Access-Control-Allow-Headers: *\r\n"
    "Access-Control-Max-Age: 86400\r\n"
)
_RANGE = re.compile(rb"bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))")


@dataclass(frozen=True, slots=True)
class Answer:
    """`head` ends after its last header line; `body` is not sent to HEAD."""

    status: int
    head: bytes
    body: bytes | memoryview = b""


def build_answer(status: int, headers: str, body: bytes | memoryview = b"") -> Answer:
    """Return an answer; `headers` are lines that each end in CR LF."""
    length = "" if status == HTTPStatus.NO_CONTENT else f"Content-Length: {len(body)}\r\n"
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{length}{_CORS}{headers}"
    return Answer(status, head.encode("latin-1"), body)


def build_error(status: int, reason: str, headers: str = "") -> Answer:
    """Return an error whose body is `reason` as one line of plain text."""
    lines = f"Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n{headers}"
    return build_answer(status, lines, f"{reason}\n".encode())


def build_refusal(status: int, reason: str) -> Answer:
    """Return the error for a request that cannot be read, or has a method that is not allowed."""
    allow = f"Allow: {ALLOWED_METHODS}\r\n" if status == HTTPStatus.METHOD_NOT_ALLOWED else ""
    return build_error(status, reason, allow)


def build_playlist(text: str, *, compressed: bool) -> Answer:
    """Return a playlist, plain or in gzip."""
    encoding = "Content-Encoding: gzip\r\n" if compressed else ""
    body = text.encode()
    if compressed:
        body = gzip.compress(body, _GZIP_LEVEL, mtime=0)
    return build_answer(
        HTTPStatus.OK,
        f"Content-Type: {PLAYLIST_TYPE}\r\nCache-Control: {_PLAYLIST_CACHE}\r\n"
        f"Vary: Accept-Encoding\r\n{encoding}",
        body,
    )


def build_segment(data: bytes) -> Answer:
    """Return a whole segment."""
    return build_answer(HTTPStatus.OK, _SEGMENT_HEADERS, data)


def build_segment_range(data: bytes | memoryview, header: bytes) -> Answer | None:
    """Return the part of a segment that a Range header asks for; None for the whole segment.

    A header that is malformed, or asks for several ranges, is ignored (RFC 9110 §14.2).
    """
    match = _RANGE.fullmatch(header)
    if match is None:
        return None
    size = len(data)
    first, last, suffix = match.groups()
    start = int(first) if first else max(0, size - int(suffix))
    end = min(size - 1, int(last)) if last else size - 1
    if first and last and int(last) < start:
        return None  # §14.1.1: an int-range that runs backwards is invalid
    if start >= size or suffix == b"0":
        return build_error(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            f"The segment has {size} bytes.",
            f"Content-Range: bytes */{size}\r\n",
        )
    headers = f"Content-Range: bytes {start}-{end}/{size}\r\n{_SEGMENT_HEADERS}"
    return build_answer(HTTPStatus.PARTIAL_CONTENT, headers, memoryview(data)[start : end + 1])


_SEGMENT_HEADERS = (
    f"Content-Type: {SEGMENT_TYPE}\r\nCache-Control: {_SEGMENT_CACHE}\r\nAccept-Ranges: bytes\r\n"
)
PREFLIGHT = build_answer(HTTPStatus.NO_CONTENT, _PREFLIGHT)
NOT_FOUND = build_error(404, "Nothing here. Playlists are at /hls/[channel].m3u8")
OFF_AIR = build_error(404, "This channel is not on air.")
SEGMENT_GONE = build_error(404, "This segment is no longer kept, or never was.")
METHOD_NOT_ALLOWED = build_refusal(405, f"Only {ALLOWED_METHODS} are answered here.")
FULL = build_error(503, "max listeners reached", "Retry-After: 10\r\n")
DRAINING = build_error(503, "The server is about to stop.", "Retry-After: 10\r\n")
NOT_READY = build_error(
    503, "The channel has just gone on air; its audio is not here yet.", "Retry-After: 2\r\n"
)
TOO_MANY_CONNECTIONS = build_error(503, "Too many connections.", "Retry-After: 10\r\n")
