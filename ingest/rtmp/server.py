"""The RTMP port: a listening socket and its connections."""

import asyncio
import logging

from awazpulse.network import open_listening
from awazpulse.relay import End, EndReason, Gate

from .connection import READ_BUFFER_BYTES, RtmpConnection
from .connection_counts import ConnectionCounts
from .limits import RtmpLimits

logger = logging.getLogger(__name__)

CLOSE_S = 5  # for unfinished decisions when the server stops; they may hold a transaction
REST_S = 0.035  # how long video gathers; audio behind it is late by this much at most
_BACKLOG = 512  # connections the kernel queues: all encoders reconnect at once after a restart


class RtmpServer:
    """Takes encoders on one port and hands their audio to the broadcasts that `gate` opens."""

    def __init__(self, gate: Gate, limits: RtmpLimits | None = None) -> None:
        self.gate = gate
        self.limits = limits or RtmpLimits()
        self.connection_counts = ConnectionCounts(self.limits)
        self.read_buffer = memoryview(bytearray(READ_BUFFER_BYTES))
        self._servers: list[asyncio.Server] = []
        self._connections: set[RtmpConnection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._resting: list[RtmpConnection] = []

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port, which the kernel chooses for 0; raises `OSError`.

        `host` `::` means every interface, IPv4 and IPv6.
        """
        loop = asyncio.get_running_loop()
        listening = await open_listening(host, port, _BACKLOG)
        actual_port: int = listening[0].getsockname()[1]
        for sock in listening:
            server = await loop.create_server(
                lambda: RtmpConnection(self, loop), sock=sock, backlog=_BACKLOG
            )
            self._servers.append(server)
        return actual_port

    @property
    def is_listening(self) -> bool:
        """Whether encoders can connect."""
        return bool(self._servers) and all(server.is_serving() for server in self._servers)

    async def close(self) -> None:
        """Stop listening, close every connection and its broadcast, and wait until that is done."""
        servers, self._servers = self._servers, []
        for server in servers:
            server.close()
        for connection in tuple(self._connections):
            connection.close(End(EndReason.SERVER_STOPPED))
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=CLOSE_S)
            for task in late:
                task.cancel()
        for server in servers:
            await server.wait_closed()

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
            asyncio.get_running_loop().call_later(REST_S, self._resume)
        self._resting.append(connection)

    def _resume(self) -> None:
        resting, self._resting = self._resting, []
        for connection in resting:
            try:
                connection.resume()
            except Exception:
                # Those behind it in the list must still read on.
                logger.exception("rtmp=%d cannot read on", connection.id)
                connection.close(End(EndReason.FAILED))
