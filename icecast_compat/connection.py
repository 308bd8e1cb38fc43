"""A client of port 8000 until it is known what it is: the asyncio shell of `request` and `router`.

It stays a raw non-blocking socket, for a listener's goes to the fan-out as it is, and a source's to its
`SourceConnection`. Every wait has a deadline, which the server's sweep enforces: a head or body
to come, an answer to go out, a refused client to hang up.
"""

import itertools
import logging
import socket
from typing import Protocol

from .errors import RequestError, RequestTimeout
from .login import Login
from .mount import ListenerInfo
from .request import Request, split_head
from .responses import CONNECTION_LIMIT, NOT_FOUND, Reply, refuse, stamp_date
from .router import Listen, NeedsBody, Outcome, Router, TitleUpdate

logger = logging.getLogger(__name__)

MAX_REQUESTS = 8  # of one connection: libshout makes three
MAX_LINGER_BYTES = 1024 * 1024  # what a refused source may still send before it has read why
REPLY_TIMEOUT_S = 10.0
LINGER_TIMEOUT_S = 2.0
_RECEIVE_BYTES = 16_384

_ids = itertools.count(1)


class Doorkeeper(Protocol):
    """What a connection needs of its server."""

    router: Router
    head_timeout_s: float

    def now(self) -> float:
        """Monotonic seconds."""

    def wall(self) -> float:
        """Seconds since 1970."""

    def forget(self, connection: "Connection") -> None:
        """Stop watching a connection whose socket is closed, or is somebody else's from here."""

    def has_room_for_listener(self) -> bool:
        """Whether the process can bear one more listener."""

    def watch(self, connection: "Connection", *, writable: bool) -> None:
        """Have `on_writable` called from now on, or again `on_readable`; never both."""

    def log_in(self, connection: "Connection", login: Login, rest: bytes) -> None:
        """Check a source and put it on air; the socket is the server's from here."""

    def update_title(self, connection: "Connection", update: TitleUpdate) -> None:
        """Check a title update, apply it and reply; the socket is the server's until then."""


class Connection:
    """One client and its requests; `deadline` is in monotonic seconds."""

    def __init__(self, client: socket.socket, address: str, server: Doorkeeper) -> None:
        self.id = next(_ids)
        self.socket = client
        self.address = address
        self.deadline = server.now() + server.head_timeout_s
        self._server = server
        self._received = bytearray()
        self._searched_bytes = 0
        self._request: Request | None = None  # one that waits for its body
        self._body_length = 0
        self._requests = 0
        self._unsent = b""
        self._again = False  # whether another request may follow the present answer
        self._is_lingering = False
        self._linger_bytes = 0

    # -- events

    def on_readable(self) -> None:
        """Take what has come."""
        try:
            data = self.socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
        elif self._is_lingering:
            self._linger_bytes += len(data)
            if self._linger_bytes > MAX_LINGER_BYTES:
                self.close()
        else:
            self._received += data
            self._advance()

    def on_writable(self) -> None:
        """Send the rest of an answer."""
        self._send(self._unsent)

    def expire(self) -> None:
        """End a wait whose deadline has passed."""
        if self._is_lingering or self._unsent or not self._received:
            self.close()
        else:
            timeout = self._server.head_timeout_s
            self._refuse(RequestTimeout(f"got no whole request within {timeout:g} s"))

    def close(self) -> None:
        """Hang up at once."""
        self._server.forget(self)
        self.socket.close()

    def reply(self, data: bytes) -> None:
        """Send a last answer, and hang up when the client has read it."""
        self._again = False
        self._begin_reply(data)

    # -- requests

    def _advance(self) -> None:
        """Serve the requests that have come whole."""
        try:
            outcome = self._read_request()
        except RequestError as error:
            self._refuse(error)
        else:
            if outcome is not None:
                self._follow(outcome)

    def _read_request(self) -> Outcome | None:
        if self._request is not None:
            if len(self._received) < self._body_length:
                return None
            request, self._request = self._request, None
            body = bytes(self._received[: self._body_length])
            del self._received[: self._body_length]
            return self._server.router.route(request, self.address, body)
        parsed = split_head(self._received, self._searched_bytes)
        if parsed is None:
            self._searched_bytes = len(self._received)
            return None
        self._searched_bytes = 0
        request, rest = parsed
        self._received[:] = rest
        self._requests += 1
        outcome = self._server.router.route(request, self.address)
        if isinstance(outcome, NeedsBody):
            self._request, self._body_length = request, outcome.length
            return self._read_request()
        return outcome

    def _follow(self, outcome: Outcome) -> None:
        match outcome:
            case Reply(data, keeps_alive):
                self._again = keeps_alive and self._requests < MAX_REQUESTS
                self._begin_reply(data)
            case Listen() if not self._server.has_room_for_listener():
                self.reply(refuse(403, CONNECTION_LIMIT))
            case Listen(mount) if not mount.pull():
                self.reply(refuse(404, NOT_FOUND))
            case Listen(mount, icy, user_agent):
                self._server.forget(self)
                info = ListenerInfo(self.address, user_agent)
                mount.admit(self.socket, info, self._server.wall(), icy=icy)
            case Login():
                self._server.log_in(self, outcome, bytes(self._received))
            case TitleUpdate():
                self._server.update_title(self, outcome)
            case NeedsBody():
                raise AssertionError("a request that needs its body waits in _read_request")

    def _next_request(self) -> None:
        self.deadline = self._server.now() + self._server.head_timeout_s
        if self._received:
            self._advance()

    def _refuse(self, error: RequestError) -> None:
        logger.info("connection=%d address=%s refused: %s", self.id, self.address, error)
        self.reply(refuse(error.status, str(error)))

    # -- answers

    def _begin_reply(self, data: bytes) -> None:
        self.deadline = self._server.now() + REPLY_TIMEOUT_S
        self._send(stamp_date(data, self._server.wall()))

    def _send(self, data: bytes) -> None:
        """Send what the socket takes; nothing more is read until it has taken all."""
        was_waiting = bool(self._unsent)
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        self._unsent = data[sent:]
        if was_waiting != bool(self._unsent):
            self._server.watch(self, writable=bool(self._unsent))
        if self._unsent:
            return
        if self._again:
            self._next_request()
        else:
            self._linger()

    def _linger(self) -> None:
        """Let the client read the answer: closing with its bytes unread would reset the connection."""
        self._is_lingering = True
        self._received.clear()
        self.deadline = self._server.now() + LINGER_TIMEOUT_S
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()
