"""A client of port 8000 until it is known what it is: the asyncio shell of `request` and `router`.

It stays a raw non-blocking socket, for a listener's socket goes to the fan-out as it is, and a source's to
its `SourceConnection`. Every wait has a deadline, which the server's sweep enforces: a head or body to come,
an answer to go out, a refused client to hang up. `state` has the states and the steps between them.
"""

import itertools
import logging
import socket
from collections.abc import Callable
from typing import ClassVar, Protocol

from .errors import RequestError, RequestTimeout
from .login import Login
from .request import Request, split_head
from .responses import CONNECTION_LIMIT, NOT_FOUND, Reply, refuse, stamp_date
from .router import Listen, NeedsBody, Outcome, Router, TitleUpdate
from .state import State, Step, next_state

logger = logging.getLogger(__name__)

MAX_REQUESTS = 8  # of one connection: libshout makes three
MAX_LINGER_BYTES = 1024 * 1024  # what a refused source may still send before it has read why
REPLY_TIMEOUT_S = 10.0
LINGER_TIMEOUT_S = 2.0
_RECEIVE_BYTES = 16_384

_ids = itertools.count(1)


class Server(Protocol):
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

    def admit_listener(self, connection: "Connection", listen: Listen) -> bool:
        """Give the socket to the mount; False, with the socket still the connection's, if it is over."""

    def log_in(self, connection: "Connection", login: Login, rest: bytes) -> None:
        """Check a source and put it on air; the socket is the server's from here."""

    def update_title(self, connection: "Connection", update: TitleUpdate) -> None:
        """Check a title update, apply it and reply; the socket is the server's until then."""


class Connection:
    """One client and its requests; `deadline` is in monotonic seconds."""

    def __init__(self, client: socket.socket, address: str, server: Server) -> None:
        self.id = next(_ids)
        self.socket = client
        self.address = address
        self.state = State.READING
        self.deadline = server.now() + server.head_timeout_s
        self._server = server
        self._received = bytearray()
        self._searched_bytes = 0
        self._request: Request | None = None  # one that waits for its body
        self._body_length = 0
        self._requests = 0
        self._unsent = b""
        self._may_ask_again = False  # behind the present answer
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
        elif self.state is State.LINGERING:
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
        if self.state in (State.READING, State.READING_BODY) and (
            self._received or self._request is not None
        ):
            timeout = self._server.head_timeout_s
            self._refuse(RequestTimeout(f"got no whole request within {timeout:g} s"))
        else:
            self.close()

    def close(self) -> None:
        """Hang up at once. A second call changes nothing."""
        if self.state is not State.GONE:
            self._go(Step.CLOSE)
            self._server.forget(self)
            self.socket.close()

    def reply(self, data: bytes) -> None:
        """Send a last answer, and hang up when the client has read it."""
        self._may_ask_again = False
        self._answer(data)

    def hand_over(self) -> None:
        """Leave the socket to a source or a mount."""
        self._go(Step.HAND_OVER)

    def _go(self, step: Step) -> None:
        self.state = next_state(self.state, step)

    # -- requests

    def _advance(self) -> None:
        """Serve the request that has come whole, if one has."""
        try:
            outcome = self._read_request()
        except RequestError as error:
            self._refuse(error)
        else:
            if outcome is not None:
                self._FOLLOW[type(outcome)](self, outcome)

    def _read_request(self) -> Outcome | None:
        if self._request is not None:
            return self._read_body(self._request)
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
            self._go(Step.AWAIT_BODY)
            self._request, self._body_length = request, outcome.length
            return self._read_body(request)
        return outcome

    def _read_body(self, request: Request) -> Outcome | None:
        if len(self._received) < self._body_length:
            return None
        self._request = None
        body = bytes(self._received[: self._body_length])
        del self._received[: self._body_length]
        return self._server.router.route(request, self.address, body)

    def _follow_reply(self, reply: Reply) -> None:
        self._may_ask_again = reply.keeps_alive and self._requests < MAX_REQUESTS
        self._answer(reply.data)

    def _follow_listen(self, listen: Listen) -> None:
        if not self._server.has_room_for_listener():
            self.reply(refuse(403, CONNECTION_LIMIT))
        elif not self._server.admit_listener(self, listen):
            self.reply(refuse(404, NOT_FOUND))

    def _follow_login(self, login: Login) -> None:
        self._go(Step.CHECK)
        self._server.log_in(self, login, bytes(self._received))

    def _follow_title_update(self, update: TitleUpdate) -> None:
        self._go(Step.CHECK)
        self._server.update_title(self, update)

    _FOLLOW: ClassVar[dict[type, Callable[..., None]]] = {
        Reply: _follow_reply,
        Listen: _follow_listen,
        Login: _follow_login,
        TitleUpdate: _follow_title_update,
    }

    def _ask_again(self) -> None:
        self._go(Step.ASK_AGAIN)
        self.deadline = self._server.now() + self._server.head_timeout_s
        if self._received:
            self._advance()

    def _refuse(self, error: RequestError) -> None:
        logger.info("connection=%d address=%s refused: %s", self.id, self.address, error)
        self.reply(refuse(error.status, str(error)))

    # -- answers

    def _answer(self, data: bytes) -> None:
        self._go(Step.ANSWER)
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
        if self._may_ask_again:
            self._ask_again()
        else:
            self._linger()

    def _linger(self) -> None:
        """Let the client read the answer: closing with its bytes unread would reset the connection."""
        self._go(Step.LINGER)
        self._received.clear()
        self.deadline = self._server.now() + LINGER_TIMEOUT_S
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()
