"""A reader of events: one connection that is written to as events come, until it or its right to read ends.

Each event becomes the bytes of a chunk or a frame once, for all who read it, and is written to their
transports directly: a task for each reader and event would cost fifty times as much. A reader that leaves
more than `MAX_UNREAD_BYTES` unread is dropped.
"""

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import WSCloseCode, WSMsgType, web

from awazpulse.events.hub import EventHub
from awazpulse.events.messages import Message
from awazpulse.iso_date import format_iso_date
from awazpulse.refusals import Refusal, ServiceUnavailable
from awazpulse.waiting import wait_at_most

from .event_clients import EventClients
from .middlewares import ANY_ORIGIN

HEARTBEAT_S = 15.0  # a proxy closes what is silent for a minute
RECHECK_S = 30.0  # how long one who has lost a right may read on
RETRY_MS = 2000  # when a browser's EventSource connects anew
MAX_UNREAD_BYTES = 128 * 1024
MAX_MESSAGE_BYTES = 1024  # of a WebSocket's client, who has nothing to say

_TEXT_FRAME = 0x81  # RFC 6455 §5.2: the last fragment of a text
_MAX_SHORT, _MAX_MIDDLE = 125, 65_535


@dataclass(frozen=True, slots=True)
class Wish:
    """What a reader reads: `channels` None is all; `after` the number of the last event it knows."""

    channels: frozenset[str] | None
    after: str | None
    is_public: bool = False
    with_levels: bool = False


Recheck = Callable[[], Awaitable[bool]]  # whether the reader may read on; raises `Refusal`


async def follow(
    request: web.Request, hub: EventHub, wish: Wish, recheck: Recheck, clients: EventClients
) -> web.StreamResponse:
    """Send events to the end."""
    is_upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
    line: _Line = _Socket(request, wish) if is_upgrade else _Stream(request, wish)
    await line.open()
    # A browser takes each event's number for the last one that it knows: until what it missed has come, that is
    # still the one that it named.
    is_kept = wish.after is not None and hub.keeps(wish.after)
    line.send_own("hello", str(wish.after) if is_kept else hub.last_id, hub.last_id)
    line.may_fall_behind = True  # while it is told at once what it missed
    subscription = hub.subscribe(
        wish.channels,
        line.deliver,
        line.end,
        is_public=wish.is_public,
        with_levels=wish.with_levels,
        after=wish.after,
        on_missed=lambda: line.send_own("missed", hub.last_id, hub.last_id),
    )
    line.may_fall_behind = False
    reason = ""
    clients.lines.add(line)
    try:
        reason = await _wait_for_end(line, recheck)
    finally:
        clients.lines.discard(line)
        subscription.end()
        await line.close(reason)
    return line.response


async def _wait_for_end(line: "_Line", recheck: Recheck) -> str:
    """Keep the connection open; return why it ends."""
    checked_at = time.monotonic()
    while not line.is_gone:
        await wait_at_most(line.woken, HEARTBEAT_S)
        line.woken.clear()
        if line.is_over:
            return "the server is stopping, or you have left"
        if line.is_to_recheck or time.monotonic() - checked_at >= RECHECK_S:
            line.is_to_recheck = False
            try:
                if not await recheck():
                    return "your channels have changed; connect again"
            except ServiceUnavailable:
                pass  # the database is away: what was right stays right
            except Refusal as refusal:
                return str(refusal)
            checked_at = time.monotonic()
        line.beat()
    return ""


class _Line(ABC):
    """A connection of either kind."""

    form = ""  # the name of what it makes of a message

    def __init__(self, request: web.Request, wish: Wish) -> None:
        self.woken = asyncio.Event()  # something has to be done
        self.is_over = False  # nothing more is to be sent
        self.is_to_recheck = False
        self.may_fall_behind = False
        self._transport: asyncio.Transport | None = request.transport
        self._request = request
        self._is_public = wish.is_public

    def end(self) -> None:
        """Send nothing more."""
        self.is_over = True
        self.woken.set()

    def recheck(self) -> None:
        """Look at once whether the reader may still read."""
        if not self._is_public:
            self.is_to_recheck = True
            self.woken.set()

    @property
    @abstractmethod
    def response(self) -> web.StreamResponse:
        """What the handler returns."""

    @property
    def is_gone(self) -> bool:
        """Whether the reader has left."""
        return self._transport is None or self._transport.is_closing()

    @abstractmethod
    async def open(self) -> None:
        """Answer the request's head."""

    @abstractmethod
    def render(self, kind: str, number: str, text: str) -> bytes:
        """Return the bytes of one event."""

    @abstractmethod
    def beat(self) -> None:
        """Send what keeps the connection open."""

    @abstractmethod
    async def close(self, reason: str) -> None:
        """Say that no more will come. Also to one that is gone."""

    def deliver(self, message: Message) -> None:
        """Write an event."""
        key = (self.form, self._is_public)
        data = message.forms.get(key)
        if data is None:
            text = message.text(is_public=self._is_public)
            assert text is not None, "the hub has passed over what is not public"
            data = message.forms[key] = self.render(message.kind.value, message.id, text)
        self.write(data)

    def send_own(self, kind: str, number: str, last: str) -> None:
        """Write something about the stream itself."""
        whole = {
            "id": number,
            "type": kind,
            "channelId": None,
            "streamType": None,
            "time": format_iso_date(time.time()),
            "data": {"lastEventId": last},
        }
        self.write(self.render(kind, number, json.dumps(whole)))

    def write(self, data: bytes) -> None:
        """Write; drop a reader that leaves too much unread."""
        transport = self._transport
        if transport is None or transport.is_closing():
            self.end()
        elif transport.get_write_buffer_size() > MAX_UNREAD_BYTES and not self.may_fall_behind:
            transport.abort()
            self.end()
        else:
            transport.write(data)


class _Stream(_Line):
    """Server-sent events (WHATWG HTML §9.2)."""

    form = "chunk"

    def __init__(self, request: web.Request, wish: Wish) -> None:
        super().__init__(request, wish)
        headers = {
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",  # nginx would keep events back
        }
        if wish.is_public:
            headers["Access-Control-Allow-Origin"] = ANY_ORIGIN
        self._response = web.StreamResponse(headers=headers)

    @property
    def response(self) -> web.StreamResponse:
        return self._response

    async def open(self) -> None:
        await self._response.prepare(self._request)
        if self._response.headers.get("Transfer-Encoding") != "chunked":
            self.form = "text"  # for HTTP/1.0
        await self._response.write(f"retry: {RETRY_MS}\n\n".encode())  # takes the head with it

    def render(self, kind: str, number: str, text: str) -> bytes:
        return self._wrap(f"id: {number}\nevent: {kind}\ndata: {text}\n\n".encode())

    def _wrap(self, data: bytes) -> bytes:
        return make_chunk(data) if self.form == "chunk" else data

    def beat(self) -> None:
        self.write(self._wrap(b":\n\n"))

    async def close(self, reason: str) -> None:
        with suppress(ConnectionError):
            if reason:
                await self._response.write(f": {reason}\n\n".encode())
            await self._response.write_eof()


class _Socket(_Line):
    """A WebSocket. What its client says is read, for its pings and its close, and thrown away."""

    form = "frame"

    def __init__(self, request: web.Request, wish: Wish) -> None:
        super().__init__(request, wish)
        self._socket = web.WebSocketResponse(
            protocols=("bearer",),
            heartbeat=HEARTBEAT_S,
            max_msg_size=MAX_MESSAGE_BYTES,
            compress=False,
            timeout=2.0,
        )
        self._reader: asyncio.Task[None] | None = None

    @property
    def response(self) -> web.StreamResponse:
        return self._socket

    async def open(self) -> None:
        await self._socket.prepare(self._request)
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        try:
            async for message in self._socket:
                if message.type is WSMsgType.ERROR:
                    return
        finally:
            self.end()

    def render(self, kind: str, number: str, text: str) -> bytes:  # noqa: ARG002  # they are in the text
        return make_frame(text.encode())

    def beat(self) -> None:
        """Aiohttp sends pings."""

    async def close(self, reason: str) -> None:
        message = reason.encode()[:120]
        await self._socket.close(code=WSCloseCode.GOING_AWAY, message=message)
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)


def make_chunk(data: bytes) -> bytes:
    """Return the chunk that carries `data` (RFC 9112 §7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def make_frame(text: bytes) -> bytes:
    """Return a server's WebSocket frame with a text, which is not masked (RFC 6455 §5.2)."""
    size = len(text)
    if size <= _MAX_SHORT:
        head = bytes((_TEXT_FRAME, size))
    elif size <= _MAX_MIDDLE:
        head = bytes((_TEXT_FRAME, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((_TEXT_FRAME, 127)) + size.to_bytes(8, "big")
    return head + text
