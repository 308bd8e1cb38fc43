"""The answers of port 8000, byte for byte as Icecast's clients know them. No I/O.

Every answer has a Content-Length, except the one to a listener and the one that takes a source. Answers
that a browser may read have CORS headers. `stamp_date` adds the Date when an answer is sent.
"""

from dataclasses import dataclass

from awazpulse.http_date import format_http_date

SERVER = "AwazPulse"
CORS = (
    "Access-Control-Allow-Origin: *\r\n"
    "Access-Control-Allow-Headers: Origin, Accept, X-Requested-With, Content-Type, Icy-MetaData,"
    " Range\r\n"
    "Access-Control-Allow-Methods: GET, OPTIONS, SOURCE, PUT, HEAD, STATS\r\n"
    "Access-Control-Expose-Headers: icy-br, icy-description, icy-genre, icy-metaint, icy-name,"
    " icy-pub, icy-url\r\n"
)
NO_CACHE = (
    "Cache-Control: no-cache, no-store\r\n"
    "Expires: Mon, 26 Jul 1997 05:00:00 GMT\r\n"
    "Pragma: no-cache\r\n"
)
_REASONS = {
    200: "OK",
    204: "No Content",
    206: "Partial Content",
    400: "Bad Request",
    401: "You need to authenticate",
    403: "Forbidden",
    404: "File Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
}

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
SOURCE_ACCEPTED = b"HTTP/1.0 200 OK\r\n\r\n"

# The reasons as Icecast 2.4.4 writes them: clients and their owners know these texts.
MOUNT_IN_USE = "Mountpoint in use"
UNKNOWN_CONTENT_TYPE = "Content-type not supported"
NO_CONTENT_TYPE = "No Content-type given"
NOT_FOUND = "The file you requested could not be found"
MAX_LISTENERS = "max listeners reached"
CONNECTION_LIMIT = "Icecast connection limit reached"
SERVER_STOPS = "The server is about to stop"
NO_SOURCE = "Source does not exist"
MISSING_PARAMETER = "Missing parameter"


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, and whether the client may send another request after it.

    `refused` says why, for the log, when it refuses an encoder; `channel_id` is what it asked for.
    """

    data: bytes
    keeps_alive: bool = False
    refused: str = ""
    channel_id: str = ""


def stamp_date(response: bytes, wall: float) -> bytes:
    """Return an answer with its Date; `wall` is in seconds since 1970 (RFC 9110 §6.6.1)."""
    status_line, line_end, rest = response.partition(b"\r\n")
    date = f"Date: {format_http_date(wall)}\r\n".encode()
    return status_line + line_end + date + rest


def respond(
    status: int,
    body: str | bytes,
    *,
    content_type: str = "text/plain; charset=utf-8",
    headers: str = "",
    keep_alive: bool = False,
    reason: str | None = None,
) -> bytes:
    """Return a whole answer. `headers` are lines that end in CRLF."""
    encoded = body if isinstance(body, bytes) else body.encode()
    reason = reason or _REASONS[status]
    return (
        f"HTTP/1.{int(keep_alive)} {status} {reason}\r\n"
        f"Server: {SERVER}\r\n"
        f"Connection: {'Keep-Alive' if keep_alive else 'Close'}\r\n"
        f"Content-Type: {content_type}\r\n"
        f"Content-Length: {len(encoded)}\r\n"
        f"{NO_CACHE}{CORS}{headers}\r\n"
    ).encode() + encoded


def respond_unauthorized(*, keep_alive: bool = False) -> bytes:
    """Return the 401 that makes a client send its password."""
    return respond(
        401,
        "You need to authenticate\r\n",
        headers='WWW-Authenticate: Basic realm="AwazPulse"\r\n',
        keep_alive=keep_alive,
    )


def refuse(status: int, message: str) -> bytes:
    """Return a refusal. Its message stands in the status line too, without what would break the line.

    BUTT and FFmpeg show their users nothing but the status line.
    """
    line = "".join(c for c in message if " " <= c <= "~")
    return respond(status, message + "\r\n", reason=line)


def respond_options(*, keep_alive: bool) -> bytes:
    """Answer OPTIONS: a browser's CORS preflight, or libshout that asks for the allowed methods."""
    return respond(
        200, "", headers="Allow: GET, HEAD, OPTIONS, SOURCE, PUT, STATS\r\n", keep_alive=keep_alive
    )


def respond_iceresponse(message: str, *, ok: bool) -> bytes:
    """Answer an administrator's command in Icecast's XML."""
    return respond(
        200,
        '<?xml version="1.0"?>\n'
        f"<iceresponse><message>{message}</message><return>{int(ok)}</return></iceresponse>\n",
        content_type="text/xml",
    )


def respond_partial(content: bytes, first: int, content_type: str) -> bytes:
    """Answer a player that asks for the first few bytes to find out their type (RFC 9110 §15.3.7)."""
    last = first + len(content) - 1
    return respond(
        206,
        content,
        content_type=content_type,
        headers=f"Content-Range: bytes {first}-{last}/*\r\n",
    )


def without_body(response: bytes) -> bytes:
    """Return only the head of an answer, for HEAD."""
    return response.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
