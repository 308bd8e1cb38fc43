"""Port 8088: `HlsServer` joins broadcasts, channels and connections. All asyncio, no protocol.

A source may leave its audio in the kernel until a delivery pulls it (see `Broadcast.pull`). HLS has
no listener that could wait for audio, so one timer pulls all broadcasts: a segment is listed at
most `pull_interval_s` after its last frame has come.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from awazpulse.errors import MisuseError
from awazpulse.http_date import format_http_date
from awazpulse.kinds import StreamType
from awazpulse.network import open_listening
from awazpulse.proxies import TrustedProxies
from awazpulse.relay import Broadcast, End, EndReason
from awazpulse.relay.listener_count import ListenerCount
from awazpulse.relay.sessions import NoSessionLog, SessionLog
from awazpulse.turns import Turns

from .channel import Channel
from .connection import Connection
from .limits import Limits
from .mpegts import load_libav
from .numbering import Numbering
from .packager import Packager, Workshop
from .recent_listeners import RecentListeners
from .router import Router

logger = logging.getLogger(__name__)

_BACKLOG = 1024  # after a restart all listeners of a popular station come back together


class _ChannelLog:
    """The session log as one channel's listeners see it."""

    def __init__(self, log: SessionLog, channel_id: str) -> None:
        self._log = log
        self._channel_id = channel_id

    def begin(self, address: str, user_agent: bytes) -> int:
        name = user_agent.decode("latin-1")
        return self._log.begin_session(self._channel_id, StreamType.HLS, address, name)

    def end(self, number: int, sent_bytes: int, ended_ago_s: float) -> None:
        self._log.end_session(number, sent_bytes, ended_ago_s)


class _JoinCounter:
    """The listeners of one broadcast, and the joins of the server."""

    def __init__(self, server: "HlsServer", count: ListenerCount) -> None:
        self._server = server
        self._count = count

    @property
    def has_room(self) -> bool:
        return self._count.has_room and not self._server.router.is_draining

    def listener_joined(self) -> None:
        self._server.joins += 1
        self._count.listener_joined()

    def listener_left(self) -> None:
        self._count.listener_left()


class HlsServer:
    """The HLS delivery of all channels.

    `attach` each HLS broadcast when it opens; the broadcast itself tells when it ends.
    `has_room` says whether the process can take one more client. `proxies`: whose word on who listens
    is taken.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        has_room: Callable[[], bool] = lambda: True,
        session_log: SessionLog | None = None,
        proxies: TrustedProxies | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.proxies = proxies or TrustedProxies()
        self._has_room = has_room
        self._session_log = session_log or NoSessionLog()
        self.router = Router()
        self.joins = 0
        self.sent_bytes = 0
        self.now = time.monotonic
        self._connections: set[Connection] = set()
        self._packagers: dict[str, Packager] = {}  # by channel id, as the next one
        self._broadcasts: dict[str, Broadcast] = {}  # those on air
        self._pulls = Turns(_call_soon, time.monotonic, self.limits.turn_budget_s)
        self._servers: list[asyncio.Server] = []
        self._tick_handle: asyncio.TimerHandle | None = None
        self._pull_handle: asyncio.TimerHandle | None = None
        self._libav: asyncio.Future[None] | None = None  # done once it is loaded
        self._date = b""
        self._date_at = -1
        self._workshop = Workshop(
            self.limits,
            Turns(_call_soon, time.monotonic, self.limits.turn_budget_s),
            Numbering(wall=time.time(), now=time.monotonic()),
            time.monotonic,
            time.time,
        )

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port, which the kernel chooses for 0. `OSError` if it is taken.

        `host` `::` means every interface, IPv4 and IPv6.
        """
        loop = asyncio.get_running_loop()
        listening = await open_listening(host, port, _BACKLOG)
        actual: int = listening[0].getsockname()[1]
        for sock in listening:
            server = await loop.create_server(lambda: Connection(self), sock=sock, backlog=_BACKLOG)
            self._servers.append(server)
        self._tick()
        self._pull()
        return actual

    @property
    def is_listening(self) -> bool:
        """Whether clients can connect."""
        return bool(self._servers) and all(server.is_serving() for server in self._servers)

    async def close(self) -> None:
        """Stop listening and cut every client off. A second call changes nothing."""
        for handle in (self._tick_handle, self._pull_handle):
            if handle is not None:
                handle.cancel()
        servers, self._servers = self._servers, []
        for server in servers:
            server.close()
        for connection in tuple(self._connections):
            connection.abort()
        for server in servers:
            await server.wait_closed()
        if self._libav is not None:
            await self._libav

    def attach(self, broadcast: Broadcast) -> None:
        """Deliver `broadcast` from its next frame to its end.

        It takes the place of an earlier broadcast of its channel that is still open. Raises
        `MisuseError` if `broadcast` is closed.
        """
        if broadcast.is_closed:
            raise MisuseError(f"channel {broadcast.channel_id} is off air already")
        channel = self._channel(broadcast.channel_id)
        earlier = self._packagers.get(channel.id)
        if earlier is not None:
            earlier.on_close(End(EndReason.FAILED, why="another broadcast took its place"))
        listeners = RecentListeners(
            _JoinCounter(self, broadcast.listeners_of(StreamType.HLS)),
            expiry_s=self.limits.listener_expiry_s,
            max_clients=self.limits.clients,
            log=_ChannelLog(self._session_log, channel.id),
        )
        if self._libav is None:
            self._libav = asyncio.get_running_loop().run_in_executor(None, _load_libav)
        packager = Packager(channel, listeners, self._workshop)
        self._packagers[channel.id] = packager
        self._broadcasts[channel.id] = broadcast
        broadcast.attach(StreamType.HLS, packager)

    def date(self) -> bytes:
        """Return the Date header's line, made once a second."""
        second = int(time.time())
        if second != self._date_at:
            self._date_at = second
            self._date = f"Date: {format_http_date(second)}\r\n".encode()
        return self._date

    def opened(self, connection: Connection) -> bool:
        """Count a connection in; False when there is no room for it."""
        has_room = len(self._connections) < self.limits.connections and self._has_room()
        self._connections.add(connection)
        return has_room

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    def closed(self, connection: Connection) -> None:
        """Count a connection out."""
        self._connections.discard(connection)

    def _channel(self, channel_id: str) -> Channel:
        channel = self.router.channels.get(channel_id)
        if channel is None:
            now = self.now()
            numbering = self._workshop.numbering
            channel = self.router.channels[channel_id] = Channel(
                channel_id,
                self.limits,
                media_sequence=numbering.media_sequence(now),
                discontinuity_sequence=numbering.discontinuity_sequence(now),
            )
        return channel

    def _pull(self) -> None:
        """Fetch what waits in the kernel, of all broadcasts, a few in each turn of the loop."""
        interval_s = self.limits.pull_interval_s
        self._pull_handle = asyncio.get_running_loop().call_later(interval_s, self._pull)
        if not self._pulls.is_idle:
            return  # the round before is not over yet
        for channel_id, broadcast in tuple(self._broadcasts.items()):
            packager = self._packagers.get(channel_id)
            if packager is None or packager.is_closed:
                del self._broadcasts[channel_id]
            else:
                self._pulls.add(broadcast.pull)

    def _tick(self) -> None:
        self._tick_handle = asyncio.get_running_loop().call_later(self.limits.tick_s, self._tick)
        now = self.now()
        for connection in tuple(self._connections):
            connection.check_deadline(now)
        for channel in tuple(self.router.channels.values()):
            if channel.listeners is not None:
                channel.listeners.expire(now)
            if channel.advance(now):
                del self.router.channels[channel.id]
                self._packagers.pop(channel.id, None)


def _load_libav() -> None:
    try:
        load_libav()
    except Exception:
        logger.exception("PyAV cannot be loaded: no HLS segment can be made")


def _call_soon(job: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_soon(job)
