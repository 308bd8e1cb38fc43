"""What each request on port 8000 leads to. No I/O.

`route` returns what to do for a parsed request: send a `Reply`, admit a listener (`Listen`), check a
source (`Login`), check a `TitleUpdate`, or call `route` again with the request's body (`NeedsBody`).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from awazpulse.addresses import bracket_host
from awazpulse.channels.public_urls import SOURCE_USERNAME
from awazpulse.proxies import Client
from awazpulse.relay import Title

from . import responses
from .charset import decode_title
from .login import Login, read_login
from .mount_path import parse_mount_path
from .mount_view import MountView
from .request import Request, parse_query
from .responses import Reply
from .stats import describe_server

MAX_BODY_BYTES = 8 * 1024  # a title may come as a form; no other request needs its body
MAX_PROBE_BYTES = 100  # iOS asks for two bytes before it listens; that is not a listener yet

_PROBE = re.compile(r"bytes=(\d{1,9})-(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Listen:
    """The client is a listener of a channel that is on air, with or without ICY metadata."""

    channel_id: str
    icy: bool
    user_agent: str


@dataclass(frozen=True, slots=True)
class NeedsBody:
    """The request cannot be answered without its body of `length` bytes."""

    length: int


@dataclass(frozen=True, slots=True)
class TitleUpdate:
    """An encoder tells what plays on a channel; `password` must be the channel's."""

    channel_id: str
    password: str = field(repr=False)
    fields: Mapping[str, bytes]

    def read_title(self, legacy_charset: str) -> Title:
        """Return the title. `legacy_charset` is the channel's, for text that is not UTF-8."""
        charset = self.fields.get("charset", b"").decode("latin-1")

        def text(name: str) -> str:
            return decode_title(self.fields.get(name, b""), charset, legacy_charset)

        if "song" in self.fields:
            return Title.from_text(text("song"), text("url"))
        return Title.from_parts(text("artist"), text("title"), text("url"))


Outcome = Reply | Listen | Login | TitleUpdate | NeedsBody


class Router:
    """Decides what to do for each request.

    `mounts` has the mounts on air by channel id; its owner changes it. `started` is in seconds since 1970.
    `public_host` and `public_origin` (scheme, host and port of all URLs that are told to clients) may be changed
    at any time. Without an origin a proxy says it, or it is this port's own.
    """

    def __init__(
        self,
        mounts: Mapping[str, MountView],
        public_host: str,
        public_port: Callable[[], int],
        started: float,
        public_origin: str = "",
    ) -> None:
        self._mounts = mounts
        self.public_origin = public_origin
        self.public_host = public_host
        self._public_port = public_port
        self._started = started
        self.is_draining = False  # then no listener is taken any more

    def _find_base_url(self, client: Client) -> str:
        """Return the beginning of all URLs that are told to a client."""
        return (
            self.public_origin
            or client.find_origin(self.public_host)
            or f"http://{bracket_host(self.public_host)}:{self._public_port()}"
        )

    def route(self, request: Request, client: Client, body: bytes | None = None) -> Outcome:
        """Return what the request leads to."""
        match request.method:
            case "SOURCE" | "PUT":
                return read_login(request, client.address)
            case "OPTIONS":
                alive = request.keeps_alive
                return Reply(responses.respond_options(keep_alive=alive), alive)
            case "GET":
                return self._get(request, client)
            case "HEAD":
                return self._head(request, client)
            case "POST":
                return self._post(request, body)
            case _:
                return Reply(responses.refuse(405, f"unknown method {request.method}"))

    def _get(self, request: Request, client: Client) -> Reply | Listen | TitleUpdate:
        match request.path:
            case "/status-json.xsl":
                return self._status(client)
            case "/admin/metadata" | "/admin/metadata.xsl":
                return self._update_title(request, request.query)
            case path if path.endswith(".m3u"):
                return self._playlist(path.removesuffix(".m3u"), client)
        return self._listen(request)

    def _listen(self, request: Request) -> Reply | Listen:
        if self.is_draining:
            return Reply(responses.refuse(503, responses.SERVER_STOPS))
        mount = self._find_mount(request.path)
        if mount is None:
            return Reply(responses.refuse(404, responses.NOT_FOUND))
        if not mount.has_room:
            return Reply(responses.refuse(403, responses.MAX_LISTENERS))
        icy = request.headers.get("icy-metadata", "0").strip() not in ("", "0")
        probe = _PROBE.fullmatch(request.headers.get("range", "").strip())
        if probe and not icy:
            first, last = int(probe[1]), int(probe[2])
            if 0 < last - first + 1 <= MAX_PROBE_BYTES:
                content = mount.first_bytes(last - first + 1)
                return Reply(responses.respond_partial(content, first, mount.content_type))
        user_agent = request.headers.get("user-agent", "")[:200]
        return Listen(mount.broadcast.channel_id, icy, user_agent)

    def _head(self, request: Request, client: Client) -> Reply:
        outcome = self._get(request, client)
        if isinstance(outcome, Listen):
            return Reply(self._mounts[outcome.channel_id].listener_head(icy=outcome.icy))
        if isinstance(outcome, TitleUpdate):
            return Reply(responses.without_body(responses.refuse(405, "a title update is a GET")))
        return Reply(responses.without_body(outcome.data))

    def _post(self, request: Request, body: bytes | None) -> Reply | TitleUpdate | NeedsBody:
        if request.path not in ("/admin/metadata", "/admin/metadata.xsl"):
            return Reply(responses.refuse(404, responses.NOT_FOUND))
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 9 or int(length) > MAX_BODY_BYTES:
            return Reply(responses.refuse(413, f"got a body over {MAX_BODY_BYTES} bytes"))
        if body is None:
            return NeedsBody(int(length))
        return self._update_title(request, {**request.query, **parse_query(body)})

    def _find_mount(self, path: str) -> MountView | None:
        channel_id = parse_mount_path(path)
        return self._mounts.get(channel_id) if channel_id else None

    def _status(self, client: Client) -> Reply:
        document = describe_server(
            self._mounts.values(),
            host=self.public_host,
            base_url=self._find_base_url(client),
            started=self._started,
        )
        return Reply(responses.respond(200, document, content_type="application/json"))

    def _playlist(self, path: str, client: Client) -> Reply:
        if self._find_mount(path) is None:
            return Reply(responses.refuse(404, responses.NOT_FOUND))
        text = f"{self._find_base_url(client)}{path}\r\n"
        return Reply(responses.respond(200, text, content_type="audio/x-mpegurl"))

    def _update_title(self, request: Request, fields: Mapping[str, bytes]) -> Reply | TitleUpdate:
        credentials = request.credentials
        if credentials is None or credentials[0] != SOURCE_USERNAME:
            return Reply(responses.respond_unauthorized())
        says_something = fields.keys() & {"song", "title", "artist"}
        if fields.get("mode") != b"updinfo" or "mount" not in fields or not says_something:
            return Reply(responses.refuse(400, responses.MISSING_PARAMETER))
        path = fields["mount"].decode("latin-1")
        mount = self._find_mount(path if path.startswith("/") else f"/{path}")
        if mount is None:
            return Reply(responses.refuse(400, responses.NO_SOURCE))
        return TitleUpdate(mount.broadcast.channel_id, credentials[1], fields)
