"""The RTMP port: a listening socket and its connections."""

import asyncio
import logging

from .admission import Admission
from .connection import READ_BUFFER_BYTES, RtmpConnection
from .limits import RtmpLimits
from .publication import Gate

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 5  # for decisions under way when the server stops; they may hold a transaction
REST_SECONDS = 0.035  # how long video gathers, and how late audio behind it can be at most
_BACKLOG = 512  # connections the kernel queues: all encoders reconnect at once after a restart


class RtmpServer:
    """Takes encoders on one port and hands their audio to the broadcasts that `gate` opens."""

    def __init__(self, gate: Gate, limits: RtmpLimits | None = None) -> None:
        self.gate = gate
        self.limits = limits or RtmpLimits()
        self.admission = Admission(self.limits)
        self.read_buffer = memoryview(bytearray(READ_BUFFER_BYTES))
        self._server: asyncio.Server | None = None
        self._connections: set[RtmpConnection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._resting: list[RtmpConnection] = []

    async def start(self, host: str | None, port: int) -> int:
        """Listen, and return the port, which the kernel chooses for 0; raises `OSError`.

        `host` None means every interface, IPv4 and IPv6.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: RtmpConnection(self, loop), host, port, backlog=_BACKLOG
        )
        actual_port: int = self._server.sockets[0].getsockname()[1]
        return actual_port

    async def close(self) -> None:
        """Stop listening, close every connection and its broadcast, and wait until that is done."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.close("the server is stopping")
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=CLOSE_SECONDS)
            for task in late:
                task.cancel()
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    def connection_opened(self, connection: RtmpConnection) -> None:
        """Keep a connection until it is lost."""
        self._connections.add(connection)

    def connection_lost(self, connection: RtmpConnection) -> None:
        """Forget a connection."""
        self._connections.discard(connection)

    def keep_task(self, task: asyncio.Task[None]) -> None:
        """Hold a task until it is done; the event loop alone would not."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def resume_later(self, connection: RtmpConnection) -> None:
        """Have a connection read on, in one turn of the loop with the others that rest."""
        if not self._resting:
            asyncio.get_running_loop().call_later(REST_SECONDS, self._resume)
        self._resting.append(connection)

    def _resume(self) -> None:
        resting, self._resting = self._resting, []
        for connection in resting:
            connection.resume()
