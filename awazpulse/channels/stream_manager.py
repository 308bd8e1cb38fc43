"""Who is on air, and which type each channel is set to: the one owner of that state.

Every way on air comes through `open_broadcast`, every switch through `switch_stream_type`; both
hold the channel's lock, so they see each other whole. Every end comes through `Broadcast.close`,
from wherever it is called. Rows follow by `RowWriter`, off the way of the audio; an absent database
ends no broadcast, it only refuses logins and switches (`ServiceUnavailable`).
"""

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

from awazpulse.kinds import StreamStatus, StreamType
from awazpulse.refusals import InvalidValue, ServiceUnavailable, UnknownChannel
from awazpulse.relay import Broadcast, Source, Station
from awazpulse.store import Sessions, Stream, utc_now

from .admission import fingerprint, require_free, require_selected
from .availability import refusing_when_away
from .events import ChannelChange, ChannelEvent, ChannelListener
from .live_channels import LiveChannels
from .locks import ChannelLocks
from .public_urls import PublicUrls
from .records import ActiveStream, ChannelRecord, PolicyRecord, load_channel, load_policies
from .repair import repair_rows
from .row_writer import REREAD_INTERVAL_S, WRITE_INTERVAL_S, RowWriter
from .secrets import Vault
from .source_login import SourceLogin
from .switching import commit_selection
from .throttle import FailureThrottle

STALE_SOURCE_S = 5.0  # a source silent for so long no longer keeps another one out
CLOSE_TIMEOUT_S = 5.0  # how long the server's stop waits for the database
MIN_ROWS_TIMEOUT_S = 1.0  # of it, what the rows get at least when a switch has taken the rest
REREAD_CHANNELS = 250  # per query: more of them would hold the event loop for over 5 ms


class StreamManager:
    """Opens, switches and ends broadcasts. `start` before use, `close` after.

    `urls` is asked each time, for ports are known only once they are bound. Clocks and `sleep` are
    for tests.
    """

    def __init__(
        self,
        sessions: Sessions,
        vault: Vault,
        urls: Callable[[], PublicUrls],
        *,
        throttle: FailureThrottle | None = None,
        stale_source_s: float = STALE_SOURCE_S,
        write_interval_s: float = WRITE_INTERVAL_S,
        reread_interval_s: float = REREAD_INTERVAL_S,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sessions = sessions
        self._urls = urls
        self._stale_source_s = stale_source_s
        self._clock = clock
        self._wall_clock = wall_clock
        self._login = SourceLogin(vault, throttle or FailureThrottle(), clock=clock, sleep=sleep)
        self._rows = RowWriter(
            sessions,
            self.refresh_all,
            clock=clock,
            wall_clock=wall_clock,
            write_interval_s=write_interval_s,
            reread_interval_s=reread_interval_s,
        )
        self._live = LiveChannels(self._rows, clock)
        self._locks = ChannelLocks()
        self._switches: set[asyncio.Task[Stream]] = set()
        self._is_closing = False

    async def start(self) -> None:
        """Repair what a crash has left in the rows, and begin to keep them true."""
        await self.repair()
        self._rows.start()

    async def repair(self) -> None:
        """Make every row say `offline`, with this server's addresses. Nothing may be on air yet.

        Raises `ServiceUnavailable`.
        """
        with refusing_when_away("repair the streams"):
            async with self._sessions.write() as session:
                await repair_rows(session, self._urls())

    async def close(self, reason: str) -> None:
        """End every broadcast and write the rows, waiting at most `CLOSE_TIMEOUT_S` for that.

        Switches under way get the same time, less `MIN_ROWS_TIMEOUT_S`; then they are given up.
        """
        self._is_closing = True
        deadline = asyncio.get_running_loop().time() + CLOSE_TIMEOUT_S
        for broadcast in self._live.registry:
            broadcast.close(reason)
        if self._switches:
            timeout_s = CLOSE_TIMEOUT_S - MIN_ROWS_TIMEOUT_S
            _, late = await asyncio.wait(self._switches, timeout=timeout_s)
            for task in late:
                task.cancel()
        await self._rows.close(deadline - asyncio.get_running_loop().time())

    async def flush(self) -> None:
        """Write what is pending into the rows now. Raises `DatabaseUnavailable`."""
        await self._rows.flush()

    def on_opened(self, callback: Callable[[Broadcast], None]) -> None:
        """Have `callback` called with each new broadcast before `open_broadcast` returns."""
        self._live.on_opened(callback)

    def on_changed(self, callback: ChannelListener) -> None:
        """Have `callback` called with each change of a channel, after it has happened."""
        self._live.on_changed(callback)

    def live(self, channel_id: str) -> Broadcast | None:
        """Return what is on air on this channel."""
        return self._live.registry.get(channel_id)

    def live_broadcasts(self) -> tuple[Broadcast, ...]:
        """Return all that is on air."""
        return tuple(self._live.registry)

    def title_charset(self, channel_id: str) -> str:
        """Return the charset of a live channel's titles that are not UTF-8 (a Python codec)."""
        return self._live.title_charset(channel_id)

    def close_channel(self, channel_id: str, reason: str) -> bool:
        """Cut off what is on air; whether anything was."""
        broadcast = self.live(channel_id)
        if broadcast is not None:
            broadcast.close(reason)
        return broadcast is not None

    async def open_broadcast(
        self,
        channel_id: str,
        stream_type: str,
        secret: str,
        source: Source,
        station: Station,
        *,
        takeover: bool,
    ) -> Broadcast:
        """Put a source on air, or raise the `Refusal` that says why not.

        With `takeover` an older source of the channel is closed; without, only one that has been
        silent. `station.address` is whom wrong secrets are counted against. It waits for nothing
        but the database and the delay of a wrong secret, both bounded. The caller owns the
        broadcast from the return on: do not wrap this in `wait_for`, which may drop the result.
        """
        wanted = parse_stream_type(stream_type)
        with refusing_when_away("check the login"):
            record = await self._load_for_login(channel_id, station.address)
            await self._login.check(record.channel, wanted, secret, station.address)
            async with self._locks.hold(channel_id):
                record, stream = await self._load_selected(channel_id)
                # No await from here to the end: what was checked is what goes on air.
                self._login.check_at_once(record.channel, wanted, secret)
                record.require_enabled()
                require_selected(record, wanted)
                if self._is_closing:
                    raise ServiceUnavailable("take a source")
                self._make_room(channel_id, wanted, station.address, takeover=takeover)
                return self._live.open(record, stream, source, station, fingerprint(secret))

    async def authorize_source(
        self, channel_id: str, stream_type: str, secret: str, address: str
    ) -> None:
        """Raise a `Refusal` unless the secret is the channel's. For title updates.

        The secret that opened what is on air is known without the database.
        """
        wanted = parse_stream_type(stream_type)
        if hmac.compare_digest(self._live.secret_fingerprint(channel_id), fingerprint(secret)):
            return
        with refusing_when_away("check the login"):
            record = await self._load_for_login(channel_id, address)
            await self._login.check(record.channel, wanted, secret, address)

    async def switch_stream_type(self, channel_id: str, stream_type: str) -> Stream:
        """Select the channel's other type; return its row. What is on air of the first one ends.

        All of it happens or none, even if the caller is cancelled meanwhile. The type that is
        selected already stays on air. Raises `UnknownChannel`, `InvalidValue`,
        `ServiceUnavailable`.
        """
        wanted = parse_stream_type(stream_type)
        task = asyncio.ensure_future(self._switch(channel_id, wanted))
        self._switches.add(task)
        task.add_done_callback(self._switches.discard)
        return await asyncio.shield(task)

    async def get_active_stream_type(self, channel_id: str) -> StreamType:
        """Return the type that the channel is set to, on air or not. Raises `UnknownChannel`."""
        return (await self.get_active_stream(channel_id)).stream_type

    async def is_stream_type_active(self, channel_id: str, stream_type: str) -> bool:
        """Whether the channel is set to this type. Raises `UnknownChannel`."""
        wanted = parse_stream_type(stream_type)
        return await self.get_active_stream_type(channel_id) is wanted

    async def get_active_stream(self, channel_id: str) -> ActiveStream:
        """Return the selected type with its row as it is now. Raises `UnknownChannel`."""
        record = await self._look_up(channel_id)
        stream_type, live = record.selected_type, self.live(channel_id)
        stream = record.stream(stream_type)
        if stream is not None:
            self._rows.overlay(stream)
        status = (stream.status if stream else None) or StreamStatus.OFFLINE
        is_live = live is not None and live.stream_type == stream_type
        return ActiveStream(channel_id, stream_type, status, is_live, stream)

    async def get_streams(self, channel_id: str) -> list[Stream]:
        """Return the channel's rows as they are now. Raises `UnknownChannel`."""
        record = await self._look_up(channel_id)
        return [self._rows.overlay(stream) for stream in record.streams]

    async def refresh(self, channel_id: str) -> None:
        """Hold what is on air to what the channel's rows say now. Raises `UnknownChannel`."""
        broadcast = self.live(channel_id)
        with refusing_when_away("look up the channel"):
            records = await self._load_policies([channel_id])
        if channel_id not in records:
            raise UnknownChannel(channel_id[:64])
        if broadcast is not None:
            self._live.apply(broadcast, records[channel_id])

    async def refresh_all(self) -> None:
        """Do the same for every channel on air. Raises `DatabaseUnavailable`."""
        broadcasts = self.live_broadcasts()
        for start in range(0, len(broadcasts), REREAD_CHANNELS):
            some = broadcasts[start : start + REREAD_CHANNELS]
            records = await self._load_policies([b.channel_id for b in some])
            for broadcast in some:
                self._live.apply(broadcast, records.get(broadcast.channel_id))

    async def _load_policies(self, ids: list[str]) -> dict[str, PolicyRecord]:
        async with self._sessions.read() as session:
            return await load_policies(session, ids)

    async def _load(self, channel_id: str) -> ChannelRecord:
        async with self._sessions.read() as session:
            return await load_channel(session, channel_id)

    async def _load_for_login(self, channel_id: str, address: str) -> ChannelRecord:
        try:
            return await self._load(channel_id)
        except UnknownChannel:
            await self._login.delay_unknown_channel(address)
            raise

    async def _look_up(self, channel_id: str) -> ChannelRecord:
        with refusing_when_away("look up the channel"):
            return await self._load(channel_id)

    async def _load_selected(self, channel_id: str) -> tuple[ChannelRecord, Stream]:
        """Read a channel whose selected type has its row; other programs may leave it without."""
        record = await self._load(channel_id)
        if record.main is None:
            record = await self._select(channel_id, record.selected_type, lambda _changed: None)
        assert record.main is not None
        return record, record.main

    def _make_room(
        self, channel_id: str, wanted: StreamType, address: str, *, takeover: bool
    ) -> None:
        live = self.live(channel_id)
        if live is None:
            return
        if live.stream_type != wanted:  # another process has switched it, we had not heard yet
            live.close(f"switched to {wanted.label}")
            return
        require_free(
            live, takeover=takeover, stale_source_s=self._stale_source_s, now=self._clock()
        )
        live.close(f"taken over by a new connection from {address}")

    async def _switch(self, channel_id: str, wanted: StreamType) -> Stream:
        async with self._locks.hold(channel_id):
            live = self.live(channel_id)

            def finish(is_changed: bool) -> None:  # noqa: FBT001  # called by the transaction only
                if live is not None and live.stream_type != wanted:
                    live.close(f"switched to {wanted.label}")
                if is_changed:
                    self._live.emit(ChannelEvent(ChannelChange.SWITCHED, channel_id, wanted))

            record = await self._select(channel_id, wanted, finish)
        assert record.main is not None
        return self._rows.overlay(record.main)

    async def _select(
        self, channel_id: str, wanted: StreamType, on_committed: Callable[[bool], None]
    ) -> ChannelRecord:
        live = self.live(channel_id)
        with refusing_when_away("switch the channel"):
            return await commit_selection(
                self._sessions,
                channel_id,
                wanted,
                urls=self._urls(),
                live=self._rows.find_uptime(live) if live else None,
                now=self._wall_clock(),
                on_committed=on_committed,
            )


def parse_stream_type(text: str) -> StreamType:
    """Return the type of this name. Raises `InvalidValue`."""
    try:
        return StreamType(text)
    except ValueError:
        raise InvalidValue(f"got stream type {text[:64]!r}, expected hls or icecast") from None
