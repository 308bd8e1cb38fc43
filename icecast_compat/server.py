"""Port 8000: accepts clients, and brings together mounts, sources and listeners.

Connections are accepted and served for at most 10 ms of each turn of the loop (`SocketSelector`), so that
listeners get their audio in time when thousands connect at once. When too many connections have not sent
a whole request, the oldest of them is closed.
"""

import asyncio
import errno
import logging
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from awazpulse.addresses import normalize_address
from awazpulse.kinds import StreamType
from awazpulse.network import open_listening
from awazpulse.proxies import TrustedProxies
from awazpulse.refusals import Refusal, UnsupportedFormat
from awazpulse.relay import Broadcast, End, EndReason, Gate, Station
from awazpulse.relay.fanout import FanOut
from awazpulse.relay.selector import READ, WRITE, SocketSelector
from awazpulse.relay.sessions import SessionLog

from .checks import Checks
from .connection import Connection
from .login import Login, refuse_login
from .mount import ListenerInfo, Mount
from .responses import (
    CONNECTION_LIMIT,
    NO_SOURCE,
    Reply,
    refuse,
    respond,
    respond_iceresponse,
)
from .router import Listen, Router, TitleUpdate
from .source import SourceConnection

logger = logging.getLogger(__name__)

_BACKLOG = 4096  # connections that wait in the kernel until they are accepted
_ACCEPTS_PER_TURN = 64  # about 2 ms
_TURN_S = 0.010
_SEND_BUFFER_BYTES = (
    131_072  # the burst fits in; with more, a listener that has stopped is seen later
)
_ACCEPT_PAUSE_S = 0.2  # until the next try, when the process has no descriptor left


class MountGate(Gate, Protocol):
    """Who may go on air, and who may change a title."""

    async def authorize(self, channel_id: str, secret: str, address: str) -> None:
        """Raise a `Refusal` unless the secret is that of the channel's sources."""

    def title_charset(self, channel_id: str) -> str:
        """Return the charset of the channel's titles that are not UTF-8."""

    def report_refusal(self, channel_id: str, refusal: Refusal, station: Station) -> None:
        """Take note of an encoder that was refused before its password was checked."""


class Room(Protocol):
    """Whether the process can bear more clients."""

    def has_room_for_client(self) -> bool:
        """Whether one more client may connect."""

    def has_room_for_listener(self) -> bool:
        """Whether one more client may become a listener."""


class _AllTheRoom:
    def has_room_for_client(self) -> bool:
        return True

    def has_room_for_listener(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class IcecastLimits:
    """What port 8000 allows.

    `head_timeout_s`: how long a client may take for a whole request. `source_timeout_s`: how long a source
    may be silent. `max_waiting`: connections without a whole request; 5,000 listeners may come at once.
    `max_checks`: logins and title updates under way; each waits for the database, and a wrong password is
    answered late. `max_checks_per_address`: those of one IPv4 address or one IPv6 /64, so that somebody who
    guesses passwords leaves room for others.
    """

    head_timeout_s: float = 15.0
    source_timeout_s: float = 10.0
    max_waiting: int = 8192
    max_checks: int = 256
    max_checks_per_address: int = 32


class IcecastServer:
    """See the module's head. One for each event loop.

    `public_origin`: as `Router` takes it. `proxies`: whose word on who asks is taken.
    """

    def __init__(
        self,
        gate: MountGate,
        fanout: FanOut,
        public_host: str,
        limits: IcecastLimits | None = None,
        room: Room | None = None,
        session_log: SessionLog | None = None,
        public_origin: str = "",
        proxies: TrustedProxies | None = None,
    ) -> None:
        self.proxies = proxies or TrustedProxies()
        self.limits = limits or IcecastLimits()
        self.head_timeout_s = self.limits.head_timeout_s
        self.mounts: dict[str, Mount] = {}
        self.port = 0
        self.now = time.monotonic
        self.wall = time.time
        self.router = Router(
            self.mounts, public_host, lambda: self.port, self.wall(), public_origin
        )
        self._room = room or _AllTheRoom()
        self._gate = gate
        self._fanout = fanout
        self._session_log = session_log
        self._loop = asyncio.get_running_loop()
        self._listening: list[socket.socket] = []
        self._selector = SocketSelector[Connection](self._loop, self._on_event, _TURN_S)
        self._waiting: dict[Connection, None] = {}  # in order of arrival
        self._checks = Checks(self.limits.max_checks, self.limits.max_checks_per_address)
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def waiting(self) -> int:
        """How many connections have not sent a whole request, or are being answered for the last time."""
        return len(self._waiting)

    @property
    def is_listening(self) -> bool:
        """Whether clients can connect."""
        return bool(self._listening) and all(one.fileno() >= 0 for one in self._listening)

    def set_timeouts(self, head_timeout_s: float, source_timeout_s: float) -> None:
        """Give the clients and sources that come from now on other timeouts."""
        self.limits = replace(
            self.limits, head_timeout_s=head_timeout_s, source_timeout_s=source_timeout_s
        )
        self.head_timeout_s = head_timeout_s

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port, which the kernel chose if `port` was 0.

        Raises OSError; `close` gives back what was opened until then.
        """
        self._listening = await open_listening(host, port, _BACKLOG)
        for listening in self._listening:
            # Accepted sockets inherit both options.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._loop.add_reader(listening, self._accept, listening)
        self.port = self._listening[0].getsockname()[1]
        self._sweep()
        return self.port

    async def close(self) -> None:
        """Stop listening, and hang up on all connections that wait. The owner of the broadcasts ends those.

        A second call changes nothing.
        """
        if self._is_closed:
            return
        self._is_closed = True
        for listening in self._listening:
            self._loop.remove_reader(listening)
            listening.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        await self._checks.close()
        for connection in list(self._waiting):
            connection.close()
        self._selector.close()

    def attach(self, broadcast: Broadcast) -> None:
        """Show a broadcast as a mount, until the broadcast or this delivery of it ends."""
        mount = Mount(broadcast, self._fanout, self.wall(), self._detach, self._session_log)
        broadcast.attach(StreamType.ICECAST, mount)
        self.mounts[broadcast.channel_id] = mount

    def _detach(self, mount: Mount) -> None:
        channel_id = mount.broadcast.channel_id
        if self.mounts.get(channel_id) is mount:
            del self.mounts[channel_id]

    # -- accepting

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
            self._admit(Connection(client, normalize_address(address[0]), self))

    def _admit(self, connection: Connection) -> None:
        is_full = len(self._waiting) >= self.limits.max_waiting
        if self._waiting and (is_full or not self._room.has_room_for_client()):
            next(iter(self._waiting)).close()
        self._waiting[connection] = None
        self._selector.register(connection.socket, connection)

    def _pause_accepting(self, listening: socket.socket, error: OSError) -> None:
        """Leave clients in the kernel's backlog for a while, because there is no descriptor for them."""
        if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
            raise error
        logger.warning("cannot accept on port %d for now: %s", self.port, error)
        self._loop.remove_reader(listening)
        self._loop.call_later(_ACCEPT_PAUSE_S, self._resume_accepting, listening)

    def _resume_accepting(self, listening: socket.socket) -> None:
        if listening.fileno() >= 0:
            self._loop.add_reader(listening, self._accept, listening)

    def _on_event(self, connection: Connection, _events: int) -> None:
        self._guarded(connection, connection.on_ready)

    def _guarded(self, connection: Connection, step: Callable[[], None]) -> None:
        """Run a step of one connection. An error in it is logged, and ends this connection only."""
        try:
            step()
        except Exception:
            logger.exception("connection=%d failed", connection.id)
            if connection in self._waiting:
                connection.close()

    def _sweep(self) -> None:
        interval = min(1.0, self.limits.head_timeout_s / 4)
        self._sweeper = self._loop.call_later(interval, self._sweep)
        now = time.monotonic()
        for connection in [c for c in self._waiting if c.deadline <= now]:
            self._guarded(connection, connection.expire)

    # -- what connections ask for: see `connection.Server`

    def forget(self, connection: Connection) -> None:
        """See `Server`."""
        if connection in self._waiting:
            del self._waiting[connection]
            self._selector.unregister(connection.socket)

    def has_room_for_listener(self) -> bool:
        """See `Server`."""
        return self._room.has_room_for_listener()

    def watch(self, connection: Connection, *, writable: bool) -> None:
        """See `Server`."""
        self._selector.modify(connection.socket, WRITE if writable else READ)

    def admit_listener(self, connection: Connection, listen: Listen) -> bool:
        """See `Server`."""
        mount = self.mounts.get(listen.channel_id)
        if mount is None:
            return False
        mount.pull()  # the listener's burst ends with what has come by now, which may be the source's end
        if mount.is_closed:
            return False
        info = ListenerInfo(connection.address, listen.user_agent)
        mount.admit(connection.hand_over(), info, self.wall(), icy=listen.icy)
        return True

    def log_in(self, connection: Connection, login: Login, rest: bytes) -> None:
        """See `Server`."""
        self._check(connection, partial(self._log_in, connection, login, rest))

    def update_title(self, connection: Connection, update: TitleUpdate) -> None:
        """See `Server`."""
        self._check(connection, partial(self._update_title, connection, update))

    def report_refusal(self, connection: Connection, reply: Reply) -> None:
        """See `Server`."""
        if reply.channel_id:
            refusal = UnsupportedFormat(reply.channel_id, reply.refused)
            self._gate.report_refusal(
                reply.channel_id, refusal, Station(address=connection.address)
            )

    # -- checks, which wait for the database

    def _check(self, connection: Connection, check: Callable[[], Awaitable[None]]) -> None:
        """Run a check if there is room for one. Meanwhile the kernel keeps what the client sends."""
        if not self._checks.has_room(connection.address):
            connection.reply(refuse(403, CONNECTION_LIMIT))
            return
        self.forget(connection)
        work = self._guard_check(connection, check)
        self._checks.start(connection.address, work, on_cancelled=connection.close)

    async def _guard_check(
        self, connection: Connection, check: Callable[[], Awaitable[None]]
    ) -> None:
        """Run a check. An error in it is logged, and ends this connection only."""
        try:
            await self._answer_refusal(connection, check)
        except Exception:
            logger.exception("connection=%d failed", connection.id)
            connection.close()

    async def _answer_refusal(
        self, connection: Connection, check: Callable[[], Awaitable[None]]
    ) -> None:
        try:
            await check()
        except Refusal as refusal:
            logger.info(
                "connection=%d address=%s refused: %s", connection.id, connection.address, refusal
            )
            self._answer(connection, refuse_login(refusal))

    def _answer(self, connection: Connection, data: bytes) -> None:
        self._admit(connection)
        connection.reply(data)

    async def _update_title(self, connection: Connection, update: TitleUpdate) -> None:
        channel_id = update.channel_id
        await self._gate.authorize(channel_id, update.password, connection.address)
        # The title counts even if its client has left by now: BUTT hangs up without reading the answer.
        mount = self.mounts.get(channel_id)
        if mount is None:
            self._answer(connection, refuse(400, NO_SOURCE))
            return
        mount.broadcast.set_title(update.read_title(self._gate.title_charset(channel_id)))
        self._answer(connection, respond_iceresponse("Metadata update successful", ok=True))

    async def _log_in(self, connection: Connection, login: Login, rest: bytes) -> None:
        if login.is_poke:
            await self._gate.authorize(login.channel_id, login.password, connection.address)
            self._answer(connection, respond(200, ""))
            return
        source = SourceConnection(login, connection.socket, rest, self.limits.source_timeout_s)
        source_input = await self._gate.connect(
            login.channel_id, login.password, source, login.station
        )
        # There is no await from here on, so nobody can have cut the source off yet.
        try:
            connection.socket.send(login.accepted)
            source.begin(source_input)
        except OSError as error:
            connection.close()
            end = End(EndReason.CONNECTION_LOST, why=str(error))
            source_input.end(end, self._loop.time())
        except BaseException:
            source_input.end(End(EndReason.FAILED), self._loop.time())
            raise
        else:
            connection.hand_over()
