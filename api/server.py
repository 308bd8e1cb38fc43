"""The API on its port.

Against clients that hold connections: a head must be complete within `IDLE_TIMEOUT_S` of the
connection's beginning or of the last answer (aiohttp's keep-alive timer, which bytes of an
unfinished head do not put off), a body within `bodies.BODY_TIMEOUT_S`, what is left of a refused
body is read for `LINGER_S`, and beyond `MAX_CONNECTIONS` a new one is closed at once, so that the
descriptors that listeners need are not used up here.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from awazpulse.network import open_listening

from .fast_lane import FastLane, FastProtocol

IDLE_TIMEOUT_S = 15.0
LINGER_S = 1.0
MAX_CONNECTIONS = 1000
MAX_LINE_BYTES = 8190  # of the request line and of one header
MAX_HEADERS = 64
STOP_TIMEOUT_S = 3.0  # what answers under way get when the server stops
BACKLOG = 512


class _MalformedRequests(logging.Filter):
    """Keeps what is not HTTP out of the log, where aiohttp writes a traceback for each."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, HttpProcessingError)


_http_logger = logging.getLogger("api.http")
_http_logger.addFilter(_MalformedRequests())


class _Turned(asyncio.Protocol):
    """A connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # No isinstance: uvloop's transports are not of asyncio's class.
        cast("asyncio.Transport", transport).abort()


class ApiServer:
    """Serves an application on one address.

    `fast_lane` answers what it can ahead of the application. `count_lasting` says how many connections last because they read events; they have a limit of their own.
    """

    def __init__(
        self,
        app: web.Application,
        *,
        idle_timeout_s: float = IDLE_TIMEOUT_S,
        max_connections: int = MAX_CONNECTIONS,
        count_lasting: Callable[[], int] = lambda: 0,
        fast_lane: FastLane | None = None,
    ) -> None:
        self._fast_lane = fast_lane
        self._count_lasting = count_lasting
        self._max_connections = max_connections
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=_http_logger,
            handle_signals=False,
            keepalive_timeout=idle_timeout_s,
            lingering_time=LINGER_S,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
            max_headers=MAX_HEADERS,
            shutdown_timeout=STOP_TIMEOUT_S,
        )
        self._listeners: list[asyncio.Server] = []

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port, which the kernel chooses for 0. Raises `OSError`."""
        opened = await open_listening(host, port, BACKLOG)
        actual: int = opened[0].getsockname()[1]
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        for listening in opened:
            server = await loop.create_server(self._accept, sock=listening, backlog=BACKLOG)
            self._listeners.append(server)
        return actual

    @property
    def is_listening(self) -> bool:
        """Whether clients can connect."""
        return bool(self._listeners) and all(server.is_serving() for server in self._listeners)

    async def close(self) -> None:
        """Stop listening, let answers under way finish for a moment, close the rest. Idempotent."""
        if not self._listeners:
            return
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener.close()
        await self._runner.cleanup()
        for listener in listeners:
            await listener.wait_closed()

    def _accept(self) -> asyncio.BaseProtocol:
        server = self._runner.server
        if (
            server is None
            or len(server.connections) - self._count_lasting() >= self._max_connections
        ):
            return _Turned()
        handler = server()
        return handler if self._fast_lane is None else FastProtocol(handler, self._fast_lane)
