"""How a source client asks to go on air. No I/O.

It sends `PUT` (Icecast 2.4 and later) or `SOURCE` (before), with Basic authentication. Some clients first
send a request without a password or with `Content-Length: 0`, to find out what kind of server answers.
Such a poke starts nothing. Authentication, mount and content type are checked before the 100 or 200.
"""

import re
from dataclasses import dataclass, field

from awazpulse.channels.public_urls import SOURCE_USERNAME
from awazpulse.refusals import ChannelBusy, Refusal, ServerDraining, UnknownChannel, WrongSecret
from awazpulse.relay import Station

from .mount_path import parse_mount_path
from .request import Request
from .responses import (
    CONTINUE,
    MOUNT_IN_USE,
    NO_CONTENT_TYPE,
    NOT_FOUND,
    SOURCE_ACCEPTED,
    UNKNOWN_CONTENT_TYPE,
    Reply,
    refuse,
    respond_unauthorized,
)

# The types that are carried, as encoders spell them, each with the spelling that players know. What codec the
# audio has is seen from the audio itself: encoders declare wrong types, too.
_CONTENT_TYPES = {
    "audio/mpeg": "audio/mpeg",
    "audio/mp3": "audio/mpeg",
    "audio/x-mp3": "audio/mpeg",
    "audio/mpg": "audio/mpeg",
    "audio/x-mpg": "audio/mpeg",
    "audio/x-mpeg": "audio/mpeg",
    "audio/mpeg3": "audio/mpeg",
    "audio/x-mpeg3": "audio/mpeg",
    "audio/aac": "audio/aac",
    "audio/aacp": "audio/aacp",
    "audio/x-aac": "audio/aac",
    "audio/aac-adts": "audio/aac",
    "audio/x-hx-aac-adts": "audio/aac",
    "audio/vnd.dlna.adts": "audio/aac",
}
_BITRATE = re.compile(r"(?:^|;)\s*(?:ice-)?bitrate=(\d{1,4})\b")
_MAX_STATION_TEXT = 500  # characters; it is repeated in each listener's response head


@dataclass(frozen=True, slots=True)
class Login:
    """A request to go on air that has all that is needed for its check."""

    channel_id: str
    password: str = field(repr=False)
    station: Station
    is_chunked: bool
    content_length: int | None
    metaint: int | None  # audio bytes between metadata blocks, if the source inserts any
    accepted: bytes  # the answer when the source goes on air

    @property
    def is_poke(self) -> bool:
        """Whether the client only wants to know what kind of server answers, and sends no audio."""
        return self.content_length == 0


def read_login(request: Request, address: str) -> Login | Reply:
    """Return the login that a `PUT` or `SOURCE` asks for, or the answer if it cannot be one."""
    credentials = request.credentials
    if credentials is None or credentials[0] != SOURCE_USERNAME:
        # libshout logs in over the same connection, unless it is told `close`.
        alive = request.keeps_alive
        given = credentials and credentials[0]
        refused = f"got user {given[:64]!r}, expected {SOURCE_USERNAME!r}" if given else ""
        return Reply(respond_unauthorized(keep_alive=alive), alive, refused)
    channel_id = parse_mount_path(request.path)
    if channel_id is None:
        refused = f"got mount {request.path[:64]!r}, which is no channel's"
        return Reply(refuse(404, NOT_FOUND), refused=refused)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not content_type:
        if request.method == "PUT":
            refused = "got no Content-Type; an encoder that sends PUT must say one"
            return Reply(refuse(403, NO_CONTENT_TYPE), refused=refused, channel_id=channel_id)
        content_type = "audio/mpeg"
    known_type = _CONTENT_TYPES.get(content_type)
    if known_type is None:
        refused = f"got Content-Type {content_type[:64]!r}, expected MP3 or AAC"
        return Reply(refuse(403, UNKNOWN_CONTENT_TYPE), refused=refused, channel_id=channel_id)
    is_chunked = "chunked" in request.headers.get("transfer-encoding", "").lower()
    length = request.headers.get("content-length", "")
    content_length = int(length) if re.fullmatch(r"\d{1,18}", length) and not is_chunked else None
    metaint = request.headers.get("icy-metaint", "")
    return Login(
        channel_id,
        credentials[1],
        read_station(request.headers, known_type, address),
        is_chunked,
        content_length,
        int(metaint) if re.fullmatch(r"[1-9]\d{0,6}", metaint) else None,
        CONTINUE if request.expects_continue else SOURCE_ACCEPTED,
    )


def read_station(headers: dict[str, str], content_type: str, address: str) -> Station:
    """Return what a source says of itself in `ice-*` headers (older ones: `icy-*`)."""

    def text(name: str) -> str:
        value = headers.get(f"ice-{name}") or headers.get(f"icy-{name}") or ""
        return value[:_MAX_STATION_TEXT]

    audio_info = text("audio-info")
    bitrate = _BITRATE.search(audio_info) or re.fullmatch(
        r"(\d{1,4})", headers.get("ice-bitrate", headers.get("icy-br", ""))
    )
    return Station(
        name=text("name"),
        description=text("description"),
        genre=text("genre"),
        url=text("url"),
        public=(text("public") or headers.get("icy-pub", "")) == "1",
        bitrate_kbps=int(bitrate[1]) if bitrate else None,
        audio_info=audio_info,
        content_type=content_type,
        address=address,
        user_agent=headers.get("user-agent", "")[:_MAX_STATION_TEXT],
    )


def refuse_login(refusal: Refusal) -> bytes:
    """Return the answer to a login that a rule of ours refuses.

    BUTT tries again after a 403 and gives up after a 5xx, so a passing trouble of ours is a 403 too. A
    server that is about to stop is a 503: encoders and proxies that know other servers go there.
    """
    match refusal:
        case WrongSecret():
            return respond_unauthorized()
        case UnknownChannel():
            return refuse(404, str(refusal))
        case ChannelBusy():
            return refuse(403, MOUNT_IN_USE)
        case ServerDraining():
            return refuse(503, str(refusal))
        case _:
            return refuse(403, str(refusal))
