"""The asyncio shell of port 8088: one client's connection.

A `Protocol` that writes ready bytes. It has no task, future or timer of its own: its deadline is a
number, which the server checks once a second. While the client leaves an answer unread
(`pause_writing`), or its request waits for a first segment, no further request is answered and the
socket is not read.
"""

import asyncio
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol, cast

from awazpulse.addresses import normalize_address
from awazpulse.proxies import TrustedProxies

from . import answers
from .answers import Answer
from .channel import Channel
from .errors import RequestRefused
from .limits import Limits
from .request import Request, RequestReader
from .router import Router

_SMALL_BODY_BYTES = 16 * 1024  # below it, one write costs less than two


class _State(Enum):
    IDLE = auto()  # between two requests
    HEAD = auto()  # a request has begun
    HELD = auto()  # a request waits for the first segment
    CLOSING = auto()  # the last answer is sent; what the client still sends is thrown away


class Server(Protocol):
    """What a connection needs of the server."""

    limits: Limits
    router: Router
    sent_bytes: int
    proxies: TrustedProxies

    def now(self) -> float:
        """Monotonic seconds."""

    def date(self) -> bytes:
        """The Date header's line."""

    def opened(self, connection: "Connection") -> bool:
        """Count a connection in; False when there is no room for it."""

    def closed(self, connection: "Connection") -> None:
        """Count a connection out."""


@dataclass(slots=True)
class _Held:
    """The request that waits for its channel's first segment."""

    request: Request
    channel: Channel


class Connection(asyncio.Protocol):
    """One client; see the module's head."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._limits = server.limits
        self._reader = RequestReader(server.limits.head_bytes)
        self._transport: asyncio.Transport
        self._address = ""
        self._state = _State.HEAD
        self._held: _Held | None = None
        self._is_writing_paused = False
        self._is_reading_paused = False
        self._is_scheduled = False
        self.deadline = 0.0  # monotonic seconds

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; the first head's deadline counts from here."""
        # A cast, because uvloop's transports do not derive from asyncio's.
        self._transport = transport = cast("asyncio.Transport", transport)
        transport.set_write_buffer_limits(high=self._limits.write_buffer_bytes)
        peer = transport.get_extra_info("peername")
        self._address = normalize_address(peer[0]) if peer else ""
        self._reader.is_behind_proxy = self._server.proxies.trusts(self._address)
        self.deadline = self._server.now() + self._limits.head_deadline_s
        if not self._server.opened(self):
            self._send_last(answers.TOO_MANY_CONNECTIONS)
            transport.close()  # at once: a client that reads slowly must not take up the room

    def data_received(self, data: bytes) -> None:
        """Take bytes from the client, and answer the requests that they complete."""
        if self._state is _State.CLOSING:
            return
        self._reader.receive_data(data)
        if not self._is_scheduled:
            self._answer_requests()

    def eof_received(self) -> bool:
        """Keep the sending half open while something is still to be sent."""
        return self._state is not _State.CLOSING and (
            self._is_writing_paused or self._is_scheduled or self._state is _State.HELD
        )

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- a Protocol's signature
        """Forget the client."""
        self._release()
        self._state = _State.CLOSING
        self._server.closed(self)

    def pause_writing(self) -> None:
        """Answer no further request: the client has not read the answers so far."""
        self._is_writing_paused = True
        self.deadline = self._server.now() + self._limits.write_deadline_s

    def resume_writing(self) -> None:
        """Go on: the client has read the answers."""
        self._is_writing_paused = False
        if self._state is not _State.CLOSING:
            self._rest()
            self._answer_later()

    def resume(self) -> None:
        """Answer the request that was held: there is a playlist, or the channel is off air."""
        held, self._held = self._held, None
        if held is not None:
            self._rest()
            self._answer(held.request)
            self._answer_later()

    def check_deadline(self, now: float) -> None:
        """End the wait whose deadline has passed, if one has; called about once a second."""
        if now < self.deadline:
            return
        if self._is_writing_paused or self._state is _State.CLOSING:
            self._transport.abort()
        elif self._held is not None:
            request = self._held.request
            self._release()
            self._rest()
            self._send(answers.NOT_READY, request)
            self._answer_later()
        elif self._reader.has_partial:
            seconds = self._limits.head_deadline_s
            self._send_last(answers.build_error(408, f"No whole request within {seconds:.0f} s."))
        else:
            self._state = _State.CLOSING
            self._transport.close()

    def abort(self) -> None:
        """Cut the client off."""
        self._transport.abort()

    def _answer_requests(self) -> None:
        for _ in range(self._limits.turn_requests):
            if self._state is _State.CLOSING:
                return
            if self._is_writing_paused or self._state is _State.HELD:
                self._set_reading(on=False)
                return
            try:
                request = self._reader.next_request()
            except RequestRefused as refusal:
                self._send_last(answers.build_refusal(refusal.status, refusal.reason))
                return
            if request is None:
                self._expect_more()
                return
            self._rest()
            self._answer(request)
        self._set_reading(on=False)
        self._answer_later()

    def _answer(self, request: Request) -> None:
        server = self._server
        address = self._address
        if request.forwarding is not None:
            address = server.proxies.find_address(address, request.forwarding)
        answer = server.router.respond(request, address, server.now())
        if isinstance(answer, Answer):
            self._send(answer, request)
        else:
            self._held = _Held(request, answer)
            answer.waiters[self] = None
            self._state = _State.HELD
            self.deadline = server.now() + self._limits.hold_s

    def _send(self, answer: Answer, request: Request) -> None:
        if not request.keep_alive:
            self._send_last(answer, with_body=request.method != "HEAD")
            return
        head = answer.head + self._server.date() + b"Connection: keep-alive\r\n\r\n"
        self._write(head, answer.body if request.method != "HEAD" else b"")

    def _send_last(self, answer: Answer, *, with_body: bool = True) -> None:
        """Send an answer and say that it is the last one.

        Only the sending half is closed. If both were closed while the client still sends, the
        kernel would send a reset, and the client could lose the answer (RFC 9112 §9.6).
        """
        head = answer.head + self._server.date() + b"Connection: close\r\n\r\n"
        self._state = _State.CLOSING
        self.deadline = self._server.now() + self._limits.idle_s
        self._write(head, answer.body if with_body else b"")
        self._set_reading(on=True)
        self._transport.write_eof()

    def _write(self, head: bytes, body: bytes | memoryview) -> None:
        self._server.sent_bytes += len(head) + len(body)
        if len(body) < _SMALL_BODY_BYTES:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)

    def _rest(self) -> None:
        """Wait for the next request."""
        self._state = _State.IDLE
        self.deadline = self._server.now() + self._limits.idle_s

    def _expect_more(self) -> None:
        """Read on. A head's deadline begins with its first byte; later bytes do not move it."""
        if self._state is _State.IDLE and self._reader.has_partial:
            self._state = _State.HEAD
            self.deadline = self._server.now() + self._limits.head_deadline_s
        self._set_reading(on=True)

    def _answer_later(self) -> None:
        """Go on in another turn of the loop, so that one client does not keep the others waiting."""
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._answer_scheduled)

    def _answer_scheduled(self) -> None:
        self._is_scheduled = False
        if self._state is not _State.CLOSING:
            self._answer_requests()

    def _set_reading(self, *, on: bool) -> None:
        if self._is_reading_paused is on and not self._transport.is_closing():
            self._is_reading_paused = not on
            if on:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _release(self) -> None:
        """Stop waiting for the channel's first segment."""
        held, self._held = self._held, None
        if held is not None:
            held.channel.waiters.pop(self, None)
