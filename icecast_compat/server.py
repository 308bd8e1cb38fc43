"""Port 8000: accepts clients, and brings together mounts, sources and listeners.

Connections are accepted and served in slices of the loop's turns (`SocketSelector`), so a crowd
at the door delays nobody who listens. When too many stand there, the one that has waited longest
for its own request goes.
"""

import asyncio
import contextlib
import errno
import ipaddress
import logging
import socket
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Protocol

from awazpulse.channels.errors import Refusal
from awazpulse.relay import Broadcast, Source, Station
from awazpulse.relay.fanout import FanOut
from awazpulse.relay.selector import READ, WRITE, SocketSelector
from icecast_compat.connection import Connection
from icecast_compat.login import Login, refuse_login
from icecast_compat.mount import Mount
from icecast_compat.responses import NO_SOURCE, refuse, respond_iceresponse
from icecast_compat.router import Router, TitleUpdate
from icecast_compat.source import SourceConnection

logger = logging.getLogger(__name__)

_BACKLOG = 4096  # of the kernel: a crowd waits there while it is let in
_ACCEPTS_PER_TURN = 64  # about 2 ms
_TURN_S = 0.010
_SEND_BUFFER_BYTES = 131_072  # the burst fits; more would only hide a listener that has stopped
_ACCEPT_PAUSE_S = 0.2  # when the process has no descriptor left


class Gate(Protocol):
    """Who may go on air."""

    async def open_broadcast(
        self, channel_id: str, secret: str, source: Source, station: Station
    ) -> Broadcast:
        """Return the channel's new broadcast, for which `attach` has been called.

        Raises a `Refusal`. Every wait inside is bounded.
        """

    async def authorize_title(self, channel_id: str, secret: str, address: str) -> None:
        """Raise a `Refusal` unless the secret may change what the channel says it plays."""

    def title_charset(self, channel_id: str) -> str:
        """Return the charset of the channel's titles that are not UTF-8."""


@dataclass(frozen=True, slots=True)
class IcecastLimits:
    """What port 8000 allows.

    `head_timeout_s`: for a whole request. `source_timeout_s`: of a source's silence.
    `max_waiting`: connections without a whole request.
    """

    head_timeout_s: float = 15.0
    source_timeout_s: float = 10.0
    max_waiting: int = 4096


class IcecastServer:
    """See the module's head. One for each event loop."""

    def __init__(
        self,
        gate: Gate,
        fanout: FanOut,
        public_host: str,
        limits: IcecastLimits | None = None,
        public_port: Callable[[], int] | None = None,
    ) -> None:
        self.limits = limits or IcecastLimits()
        self.head_timeout_s = self.limits.head_timeout_s
        self.mounts: dict[str, Mount] = {}
        self.port = 0
        self.router = Router(self.mounts, public_host, public_port or (lambda: self.port))
        self.now = time.monotonic
        self._gate = gate
        self._fanout = fanout
        self._loop = asyncio.get_running_loop()
        self._listening: list[socket.socket] = []
        self._selector = SocketSelector[Connection](self._loop, self._on_event, _TURN_S)
        self._waiting: dict[Connection, None] = {}  # in order of arrival
        self._checks: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port, which the kernel chose if `port` was 0. Raises OSError."""
        infos = await self._loop.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, _, _, _, address in infos:
            listening = socket.create_server(
                (host, self.port or port) if family != socket.AF_INET6 else address[:2],
                family=family,
                backlog=_BACKLOG,
                dualstack_ipv6=family == socket.AF_INET6 and host == "::",
            )
            self._listening.append(listening)
            listening.setblocking(False)
            # Accepted sockets inherit both.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.port = listening.getsockname()[1]
            self._loop.add_reader(listening, self._accept, listening)
        self._sweep()
        return self.port

    async def close(self) -> None:
        """Stop listening and hang up on everyone who waits. Broadcasts are their owner's to end."""
        for listening in self._listening:
            self._loop.remove_reader(listening)
            listening.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for task in self._checks:
            task.cancel()
        await asyncio.gather(*self._checks, return_exceptions=True)
        for connection in list(self._waiting):
            connection.close()
        self._selector.close()

    def attach(self, broadcast: Broadcast) -> None:
        """Show a broadcast as a mount until it ends."""
        mount = Mount(broadcast, self._fanout)
        self.mounts[broadcast.channel_id] = mount
        broadcast.subscribe(mount)
        broadcast.on_closed(self._detach)

    def _detach(self, broadcast: Broadcast, _reason: str) -> None:
        mount = self.mounts.get(broadcast.channel_id)
        if mount is not None and mount.broadcast is broadcast:
            del self.mounts[broadcast.channel_id]

    # -- the door

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_ACCEPTS_PER_TURN):
            try:
                client, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause_accepting(listening, error)
                return
            client.setblocking(False)
            self._admit(Connection(client, _plain_address(address[0]), self))

    def _admit(self, connection: Connection) -> None:
        if len(self._waiting) >= self.limits.max_waiting:
            next(iter(self._waiting)).close()
        self._waiting[connection] = None
        self._selector.register(connection.socket, connection)

    def _pause_accepting(self, listening: socket.socket, error: OSError) -> None:
        """Leave clients in the kernel's backlog while there is no descriptor for them."""
        if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
            raise error
        logger.warning("cannot accept on port %d for now: %s", self.port, error)
        self._loop.remove_reader(listening)
        self._loop.call_later(_ACCEPT_PAUSE_S, self._resume_accepting, listening)

    def _resume_accepting(self, listening: socket.socket) -> None:
        if listening.fileno() >= 0:
            self._loop.add_reader(listening, self._accept, listening)

    def _on_event(self, connection: Connection, mask: int) -> None:
        try:
            if mask & WRITE:
                connection.on_writable()
            if mask & READ and connection in self._waiting:
                connection.on_readable()
        except Exception:
            logger.exception("connection=%d failed", connection.id)
            if connection in self._waiting:
                connection.close()

    def _sweep(self) -> None:
        now = time.monotonic()
        for connection in [c for c in self._waiting if c.deadline <= now]:
            connection.expire()
        interval = min(1.0, self.limits.head_timeout_s / 4)
        self._sweeper = self._loop.call_later(interval, self._sweep)

    # -- Doorkeeper

    def forget(self, connection: Connection) -> None:
        """See `Doorkeeper`."""
        if connection in self._waiting:
            del self._waiting[connection]
            self._selector.unregister(connection.socket)

    def await_writable(self, connection: Connection) -> None:
        """See `Doorkeeper`."""
        self._selector.modify(connection.socket, connection, READ | WRITE)

    def log_in(self, connection: Connection, login: Login, rest: bytes) -> None:
        """See `Doorkeeper`."""
        self._check(connection, self._log_in(connection, login, rest))

    def update_title(self, connection: Connection, update: TitleUpdate) -> None:
        """See `Doorkeeper`."""
        self._check(connection, self._update_title(connection, update))

    def _check(self, connection: Connection, work: Coroutine[None, None, None]) -> None:
        """Run what waits for the database; meanwhile the kernel keeps what the client sends."""
        self.forget(connection)
        task = self._loop.create_task(self._guard(connection, work))
        self._checks.add(task)
        task.add_done_callback(self._checks.discard)

    async def _guard(self, connection: Connection, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Refusal as refusal:
            logger.info(
                "connection=%d address=%s refused: %s", connection.id, connection.address, refusal
            )
            self._answer(connection, refuse_login(refusal))
        except asyncio.CancelledError:
            connection.socket.close()
            raise
        except Exception:
            logger.exception("connection=%d failed", connection.id)
            connection.socket.close()

    def _answer(self, connection: Connection, data: bytes) -> None:
        self._admit(connection)
        connection.reply(data)

    async def _update_title(self, connection: Connection, update: TitleUpdate) -> None:
        broadcast = update.mount.broadcast
        channel_id = broadcast.channel_id
        await self._gate.authorize_title(channel_id, update.password, connection.address)
        if broadcast.is_closed:
            self._answer(connection, refuse(400, NO_SOURCE))
            return
        broadcast.set_title(update.read_title(self._gate.title_charset(channel_id)))
        self._answer(connection, respond_iceresponse("Metadata update successful", ok=True))

    async def _log_in(self, connection: Connection, login: Login, rest: bytes) -> None:
        source = SourceConnection(login, self.limits.source_timeout_s)
        broadcast = await self._gate.open_broadcast(
            login.channel_id, login.password, source, login.station
        )
        await self._put_on_air(connection, login, source, broadcast, rest)

    async def _put_on_air(
        self,
        connection: Connection,
        login: Login,
        source: SourceConnection,
        broadcast: Broadcast,
        rest: bytes,
    ) -> None:
        """Hand the socket from its raw form to a transport; what has come goes first."""
        try:
            connection.socket.send(login.accepted)
            source.begin(broadcast)
            if rest:
                source.data_received(rest)
            await self._loop.connect_accepted_socket(lambda: source, connection.socket)
        except OSError as error:
            connection.socket.close()
            broadcast.close(f"the encoder's connection was lost: {error}")
        except BaseException:
            broadcast.close("the encoder's connection could not be taken over")
            raise


def _plain_address(address: str) -> str:
    """Return an IPv4 address as such where a dual-stack socket shows it inside IPv6."""
    with contextlib.suppress(ValueError):
        parsed = ipaddress.ip_address(address)
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
    return address
