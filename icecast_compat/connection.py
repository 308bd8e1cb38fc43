"""A client of port 8000 until it is known what it is: the asyncio shell of `request`, `router` and `state`.

The socket is raw and non-blocking, because a listener's socket goes to the fan-out as it is, and a
source's to its `SourceConnection`. Each wait has a deadline, which the server's sweep enforces: the
wait for a request, for an answer to be taken, and for a client to hang up after its last answer.
"""

import itertools
import logging
import socket
from typing import Protocol

from awazpulse.proxies import TrustedProxies

from .errors import RequestError, RequestTimeout
from .login import Login
from .request import Request, split_head
from .responses import CONNECTION_LIMIT, NOT_FOUND, Reply, refuse, stamp_date
from .router import Listen, NeedsBody, Outcome, Router, TitleUpdate
from .state import STATES, State, Step

logger = logging.getLogger(__name__)

MAX_REQUESTS = 8  # of one connection: libshout makes three
MAX_LINGER_BYTES = 1024 * 1024  # what a refused source may still send before it has read why
REPLY_TIMEOUT_S = 10.0
LINGER_TIMEOUT_S = 2.0
_RECEIVE_BYTES = 16_384
_READING = (State.HEAD, State.BODY)
_SENDING = (State.REPLYING, State.PARTING)

_ids = itertools.count(1)


class Server(Protocol):
    """What a connection needs of its server."""

    router: Router
    proxies: TrustedProxies
    head_timeout_s: float

    def now(self) -> float:
        """Monotonic seconds."""

    def wall(self) -> float:
        """Seconds since 1970."""

    def forget(self, connection: "Connection") -> None:
        """Stop watching a connection; one that is not watched stays so."""

    def has_room_for_listener(self) -> bool:
        """Whether the process can bear one more listener."""

    def watch(self, connection: "Connection", *, writable: bool) -> None:
        """Call `on_ready` when the socket is writable from now on, or again when it is readable."""

    def admit_listener(self, connection: "Connection", listen: Listen) -> bool:
        """Hand the socket over to the mount; return False, and do nothing, if it is off air."""

    def log_in(self, connection: "Connection", login: Login, rest: bytes) -> None:
        """Check a source and put it on air. Ends in `reply`, `hand_over` or `close`."""

    def report_refusal(self, connection: "Connection", reply: Reply) -> None:
        """Take note of an encoder that was refused before its password was checked."""

    def update_title(self, connection: "Connection", update: TitleUpdate) -> None:
        """Check a title update and apply it. Ends in `reply` or `close`."""


class Connection:
    """One client and its requests; `deadline` is in monotonic seconds.

    `address` is that of the client of the present request, which a proxy may tell.
    """

    def __init__(self, client: socket.socket, address: str, server: Server) -> None:
        self.id = next(_ids)
        self.socket = client
        self._peer = self.address = address
        self.deadline = server.now() + server.head_timeout_s
        self.state = State.HEAD
        self._server = server
        self._received = bytearray()
        self._searched_bytes = 0  # of what was received: no head ends in them
        self._requests = 0
        self._request: Request | None = None  # the present one
        self._body_bytes = 0  # what its body must have; in BODY
        self._unsent = b""  # the rest of the answer; in REPLYING and PARTING
        self._lingered_bytes = 0

    # -- events

    def on_ready(self) -> None:
        """Do what the socket was watched for. An error or a hang-up shows itself there, too."""
        if self.state in _SENDING:
            self._go_on_sending()
        else:
            self._receive()

    def _receive(self) -> None:
        try:
            data = self.socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
        elif self.state is State.LINGERING:
            self._discard(data)
        else:
            self._received += data
            self._advance()

    def _go_on_sending(self) -> None:
        """Send the rest of an answer, and go on to the next request when the socket has taken it."""
        self._send()
        if self.state is State.CLOSED or self._unsent:
            return
        self._server.watch(self, writable=False)
        self._finish_reply()
        self._advance()

    def expire(self) -> None:
        """End a wait whose deadline has passed; one who has begun a request is told why."""
        if self.state is State.BODY or (self.state is State.HEAD and self._received):
            timeout = self._server.head_timeout_s
            self._refuse(RequestTimeout(f"got no whole request within {timeout:g} s"))
        else:
            self.close()

    # -- the end of what we do for a client

    def reply(self, data: bytes) -> None:
        """Send a last answer, and hang up when the client has read it."""
        self._begin_reply(Step.REPLY_LAST, data)

    def hand_over(self) -> socket.socket:
        """Return the socket; it belongs to the caller from here on."""
        self._go(Step.HAND_OVER)
        self._server.forget(self)
        return self.socket

    def close(self) -> None:
        """Hang up at once. A second call changes nothing.

        Raises `MisuseError` after `hand_over`: the socket is somebody else's.
        """
        if self.state is State.CLOSED:
            return
        self._go(Step.CLOSE)
        self._server.forget(self)
        self.socket.close()

    # -- requests

    def _advance(self) -> None:
        """Serve the requests that have come whole."""
        while self.state in _READING:
            try:
                outcome = self._route_next()
            except RequestError as error:
                self._refuse(error)
                return
            if outcome is None:
                return
            self._follow(outcome)

    def _route_next(self) -> Outcome | None:
        """Return what the next request leads to, None when it has not come whole."""
        if self.state is State.BODY:
            return self._route_with_body()
        parsed = split_head(self._received, self._searched_bytes)
        if parsed is None:
            self._searched_bytes = len(self._received)
            return None
        self._searched_bytes = 0
        self._request, self._received[:] = parsed
        self._requests += 1
        return self._route(self._request)

    def _route_with_body(self) -> Outcome | None:
        if len(self._received) < self._body_bytes:
            return None
        assert self._request is not None
        body = bytes(self._received[: self._body_bytes])
        del self._received[: self._body_bytes]
        return self._route(self._request, body)

    def _route(self, request: Request, body: bytes | None = None) -> Outcome:
        client = self._server.proxies.find_client(self._peer, request.headers)
        self.address = client.address
        return self._server.router.route(request, client, body)

    def _follow(self, outcome: Outcome) -> None:
        match outcome:
            case Reply():
                self._answer(outcome)
            case Listen():
                self._listen(outcome)
            case Login():
                self._log_in(outcome)
            case TitleUpdate():
                self._update_title(outcome)
            case NeedsBody(length):
                self._wait_for_body(length)

    def _answer(self, reply: Reply) -> None:
        if reply.refused:
            logger.info(
                "connection=%d address=%s refused: %s", self.id, self.address, reply.refused
            )
            self._server.report_refusal(self, reply)
        may_follow = reply.keeps_alive and self._requests < MAX_REQUESTS
        self._begin_reply(Step.REPLY if may_follow else Step.REPLY_LAST, reply.data)

    def _listen(self, listen: Listen) -> None:
        if not self._server.has_room_for_listener():
            self.reply(refuse(403, CONNECTION_LIMIT))
        elif not self._server.admit_listener(self, listen):
            self.reply(refuse(404, NOT_FOUND))

    def _log_in(self, login: Login) -> None:
        self._go(Step.CHECK)
        self._server.log_in(self, login, bytes(self._received))

    def _update_title(self, update: TitleUpdate) -> None:
        self._go(Step.CHECK)
        self._server.update_title(self, update)

    def _wait_for_body(self, length: int) -> None:
        self._go(Step.WAIT_FOR_BODY)
        self._body_bytes = length

    def _refuse(self, error: RequestError) -> None:
        logger.info("connection=%d address=%s refused: %s", self.id, self.address, error)
        self.reply(refuse(error.status, str(error)))

    # -- answers

    def _begin_reply(self, step: Step, data: bytes) -> None:
        self._go(step)
        self.deadline = self._server.now() + REPLY_TIMEOUT_S
        self._unsent = stamp_date(data, self._server.wall())
        self._send()
        if self._unsent:
            self._server.watch(self, writable=True)
        elif self.state is not State.CLOSED:
            self._finish_reply()

    def _send(self) -> None:
        """Send what the socket takes of the answer."""
        try:
            sent = self.socket.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self._unsent = b""
            self.close()
            return
        self._unsent = self._unsent[sent:]

    def _finish_reply(self) -> None:
        self._go(Step.FINISH_REPLY)
        if self.state is State.LINGERING:
            self._linger()
        else:
            self.deadline = self._server.now() + self._server.head_timeout_s

    def _linger(self) -> None:
        """Let the client read the answer: closing with its bytes unread would reset the connection."""
        self._received.clear()
        self.deadline = self._server.now() + LINGER_TIMEOUT_S
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()

    def _discard(self, data: bytes) -> None:
        """Throw away what a client sends behind its last answer, within a limit."""
        self._lingered_bytes += len(data)
        if self._lingered_bytes > MAX_LINGER_BYTES:
            self.close()

    def _go(self, step: Step) -> None:
        self.state = STATES.after(self.state, step)
