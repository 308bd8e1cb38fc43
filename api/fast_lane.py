"""Answers what everybody asks, many times a second, ahead of aiohttp: at a tenth of the cost.

Players and pages send the same request head to the letter again and again. `FastLane.find` knows such a head
by its bytes and returns the whole answer, ready to be written. `FastProtocol` stands before aiohttp's own
protocol on each connection and hands it everything else.

It answers only while aiohttp waits for a request on that connection, and has been given nothing but whole
requests without a body: so the two never disagree on where a request begins.
"""

import asyncio
import re
import time
from collections.abc import Callable

from aiohttp import web

from awazpulse.channels.public_urls import CHANNEL_ID
from awazpulse.channels.public_view import PublicChannel
from awazpulse.http_date import format_http_date

from .public import PUBLIC_HEADERS, describe

MAX_HEAD_BYTES = 2048
MAX_HEADS = 2000
MAX_ANSWERS = 5000
LIFETIME_S = 0.2  # of an answer: what it says is as old as this at most
SLOW_INTERVAL_S = 5.0  # so often aiohttp gets a request, or it would take the connection for idle

_HEAD = re.compile(
    rb"GET /public/channels/(" + CHANNEL_ID.pattern.encode() + rb") HTTP/1\.1\r\n"
    rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[ \t\x21-\x7e\x80-\xff]*\r\n)+\r\n"
)
# What would need aiohttp: a body, another protocol, the end of the connection.
_SPECIAL = re.compile(
    rb"\r\n(?:content-length|transfer-encoding|upgrade|expect|connection:(?![ \t]*keep-alive[ \t]*\r\n))",
    re.IGNORECASE,
)
_PLAIN = re.compile(rb"(?:GET|HEAD) [^\r\n]+ HTTP/1\.1\r\n")


class FastLane:
    """`peek(channel_id)` returns a channel as it is now, None where that must be looked up."""

    def __init__(
        self,
        peek: Callable[[str], PublicChannel | None],
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._peek = peek
        self._clock = clock
        self._wall_clock = wall_clock
        self._channels: dict[bytes, str] = {}  # by the whole head
        self._answers: dict[str, tuple[float, bytes]] = {}  # until when they are good

    def find(self, head: bytes) -> bytes | None:
        """Return the answer to one whole request; None where aiohttp must answer."""
        channel_id = self._channels.get(head)
        if channel_id is None:
            channel_id = self._learn(head)
            if channel_id is None:
                return None
        good_until, answer = self._answers.get(channel_id, (0.0, b""))
        now = self._clock()
        if now < good_until:
            return answer
        channel = self._peek(channel_id)
        if channel is None:
            self._answers.pop(channel_id, None)
            return None
        answer = _render(channel, self._wall_clock())
        if len(self._answers) >= MAX_ANSWERS:
            self._answers.clear()
        self._answers[channel_id] = (now + LIFETIME_S, answer)
        return answer

    def _learn(self, head: bytes) -> str | None:
        if len(head) > MAX_HEAD_BYTES:
            return None
        match = _HEAD.fullmatch(head)
        if match is None or _SPECIAL.search(head) or b"\r\nhost:" not in head.lower():
            return None
        if len(self._channels) >= MAX_HEADS:
            self._channels.clear()
        channel_id = self._channels[head] = match[1].decode()
        return channel_id


def _render(channel: PublicChannel, wall: float) -> bytes:
    body = describe(channel).to_json().encode()
    headers = {
        **PUBLIC_HEADERS,
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": str(len(body)),
        "Date": format_http_date(wall),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode() + body


class FastProtocol(asyncio.Protocol):
    """One connection: the fast lane, and aiohttp's protocol behind it."""

    def __init__(self, inner: web.RequestHandler, lane: FastLane) -> None:
        self._inner = inner
        self._lane = lane
        self._transport: asyncio.Transport | None = None
        self._is_fast = True  # aiohttp was given nothing but whole requests without a body
        self._is_paused = False
        self._slow_at = 0.0  # when aiohttp was last given something

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport  # type: ignore[assignment]  # uvloop's are not of asyncio's class
        self._slow_at = time.monotonic()
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._transport = None
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Answer a request that is known, or hand on what has come."""
        if self._is_fast:
            now = time.monotonic()
            if self._may_answer(now) and (answer := self._lane.find(data)) is not None:
                assert self._transport is not None
                self._transport.write(answer)
                return
            self._slow_at = now
            self._is_fast = is_whole_request(data)
        self._inner.data_received(data)

    def _may_answer(self, now: float) -> bool:
        # aiohttp has no public word for 'waits for a request'.
        waiter = self._inner._waiter  # noqa: SLF001
        return (
            waiter is not None
            and not waiter.done()
            and not self._is_paused
            and now - self._slow_at < SLOW_INTERVAL_S
        )

    def eof_received(self) -> bool | None:
        """Hand it on."""
        self._inner.eof_received()
        return None

    def pause_writing(self) -> None:
        """Leave the writing to aiohttp, which waits."""
        self._is_paused = True
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Write again."""
        self._is_paused = False
        self._inner.resume_writing()


def is_whole_request(data: bytes) -> bool:
    """Whether this is one request without a body, from its first byte to its last."""
    return (
        data.endswith(b"\r\n\r\n")
        and data.count(b"\r\n\r\n") == 1
        and _PLAIN.match(data) is not None
        and _SPECIAL.search(data) is None
    )
