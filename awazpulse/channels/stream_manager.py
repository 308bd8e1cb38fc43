"""Who is on air, and which type each channel is set to: the one owner of that state.

Every source comes through `connect`, every switch through `switch_stream_type`; both hold the channel's
lock, so they see each other whole. Every end comes through `Broadcast.close`, from wherever it is called.
Rows follow by `RowWriter`, off the way of the audio; an absent database ends no broadcast, it only refuses
logins and switches (`ServiceUnavailable`), but for logins that have been right lately (`CredentialMemory`).
"""

import asyncio
import hmac
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from awazpulse.kinds import StreamStatus, StreamType, TakeoverPolicy
from awazpulse.refusals import (
    AccountDisabled,
    ChannelBusy,
    ChannelDisabled,
    ChannelInMaintenance,
    EncoderGone,
    EncodersFight,
    InvalidValue,
    OffAir,
    Refusal,
    ServerDraining,
    ServiceUnavailable,
    TypeNotSelected,
    UnknownChannel,
    UnreadableSecrets,
    UnsupportedFormat,
    WrongSecret,
    find_code,
)
from awazpulse.relay import Broadcast, End, EndReason, Input, Source, Station, Title
from awazpulse.store import DatabaseUnavailable, Sessions, Stream, utc_now

from .air_policy import find_deliveries
from .availability import refusing_when_away
from .credential_memory import CredentialMemory
from .events import ChannelChange, ChannelEvent, ChannelListener
from .levels import DeadAirSettings
from .live_channels import Delivery, LiveChannels, find_audio
from .locks import ChannelLocks
from .login_rules import fingerprint, require_selected
from .public_urls import PublicUrls
from .quality import Quality
from .records import (
    ActiveStream,
    ChannelRecord,
    ListenerCounts,
    PolicyRecord,
    SwitchOutcome,
    load_always_on,
    load_channel,
    load_policies,
)
from .repair import address_rows, repair_rows
from .row_writer import REREAD_INTERVAL_S, WRITE_INTERVAL_S, RowWriter
from .secrets import Vault
from .source_login import SourceLogin
from .stand_ins import StandInShelf, choose_track
from .switching import commit_selection
from .takeovers import TakeoverWatch, Verdict
from .throttle import FailureThrottle

STALE_SOURCE_S = 5.0  # a source silent for so long no longer keeps another one out
CLOSE_TIMEOUT_S = 5.0  # how long the server's stop waits for the database
MIN_ROWS_TIMEOUT_S = 1.0  # of it, what the rows get at least when a switch has taken the rest
logger = logging.getLogger(__name__)

_OF_ENCODERS = (
    AccountDisabled,
    ChannelBusy,
    ChannelDisabled,
    ChannelInMaintenance,
    EncoderGone,
    EncodersFight,
    ServerDraining,
    ServiceUnavailable,
    TypeNotSelected,
    UnknownChannel,
    UnreadableSecrets,
    UnsupportedFormat,
    WrongSecret,
)
_USES = (ChannelChange.SOURCE_CONNECTED, ChannelChange.SOURCE_LOST, ChannelChange.OFF_AIR)

REREAD_CHANNELS = 250  # per query: more of them would hold the event loop for over 5 ms


@contextmanager
def _keeping_others(channel_id: str) -> Iterator[None]:
    """Let what goes wrong with one channel keep no other from its turn; an absent database does."""
    try:
        yield
    except DatabaseUnavailable:
        raise
    except UnknownChannel:
        pass  # removed meanwhile: what is on air of it ends at its next turn
    except Exception:
        logger.exception("channel=%s cannot be held to its rows", channel_id)


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
        stand_ins: StandInShelf | None = None,
        credential_memory: CredentialMemory | None = None,
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
        self._stand_ins = stand_ins
        self._takeovers = TakeoverWatch()
        self._live = LiveChannels(self._rows, clock, stand_ins)
        self._memory = CredentialMemory() if credential_memory is None else credential_memory
        self._live.on_changed(self._note_use)
        self._locks = ChannelLocks()
        self._switches: set[asyncio.Task[SwitchOutcome]] = set()
        self._is_closing = False
        self.is_draining = False  # then no source is taken any more; those on air stay
        # By the refusals' codes. The usual ones are there from the start: who watches a count sees its first.
        self.refused_logins = Counter({find_code(kind): 0 for kind in _OF_ENCODERS})

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

    async def address_rows(self) -> None:
        """Have every row say this server's present addresses. Raises `ServiceUnavailable`."""
        with refusing_when_away("address the streams"):
            async with self._sessions.write() as session:
                await address_rows(session, self._urls())

    async def close(self) -> None:
        """End every broadcast and write the rows, waiting at most `CLOSE_TIMEOUT_S` for that.

        Switches under way get the same time, less `MIN_ROWS_TIMEOUT_S`; then they are given up.
        """
        self._is_closing = True
        deadline = asyncio.get_running_loop().time() + CLOSE_TIMEOUT_S
        for broadcast in self._live.registry:
            broadcast.close(End(EndReason.SERVER_STOPPED))
        if self._switches:
            timeout_s = CLOSE_TIMEOUT_S - MIN_ROWS_TIMEOUT_S
            _, late = await asyncio.wait(self._switches, timeout=timeout_s)
            for task in late:
                task.cancel()
        await self._rows.close(deadline - asyncio.get_running_loop().time())

    async def flush(self) -> None:
        """Write what is pending into the rows now. Raises `DatabaseUnavailable`."""
        await self._rows.flush()

    def add_delivery(self, stream_type: StreamType, delivery: Delivery) -> None:
        """Have each broadcast of this type attached to `delivery`, before its source may publish."""
        self._live.add_delivery(stream_type, delivery)

    def on_changed(self, callback: ChannelListener) -> None:
        """Have `callback` called with each change of a channel, after it has happened."""
        self._live.on_changed(callback)

    def dead_air_settings(self, broadcast: Broadcast) -> DeadAirSettings:
        """Return when this broadcast counts as dead air."""
        return self._live.dead_air_settings(broadcast)

    def report_dead_air(self, broadcast: Broadcast, has_begun: bool) -> None:  # noqa: FBT001  # a callback
        """Tell that dead air has begun, or that it is over."""
        self._live.report_dead_air(broadcast, has_begun)

    def report_quality(self, broadcast: Broadcast, quality: Quality) -> None:
        """Tell how well a source's audio comes."""
        audio = find_audio(broadcast)
        facts = (audio.describe() if audio else {}) | quality.describe()
        self._live.emit(
            ChannelEvent(
                ChannelChange.QUALITY, broadcast.channel_id, broadcast.stream_type, facts=facts
            )
        )

    def live(self, channel_id: str) -> Broadcast | None:
        """Return what is on air on this channel."""
        return self._live.registry.get(channel_id)

    def live_broadcasts(self) -> tuple[Broadcast, ...]:
        """Return all that is on air."""
        return tuple(self._live.registry)

    def title_charset(self, channel_id: str) -> str:
        """Return the charset of a live channel's titles that are not UTF-8 (a Python codec)."""
        return self._live.title_charset(channel_id)

    def close_channel(self, channel_id: str, end: End) -> bool:
        """End what is on air; say whether anything was."""
        broadcast = self.live(channel_id)
        if broadcast is not None:
            broadcast.close(end)
        return broadcast is not None

    def stop(self, channel_id: str, who: str) -> bool:
        """End what is on air because a user wants it; say whether anything was."""
        return self.close_channel(channel_id, End(EndReason.STOPPED, who=who))

    def set_title(self, channel_id: str, artist: str, track: str, url: str = "") -> Title:
        """Say what plays from now on; return it as listeners are shown it. Raises `OffAir`."""
        broadcast = self.live(channel_id)
        if broadcast is None or broadcast.is_closed:
            raise OffAir(channel_id)
        whole = Title.from_parts(artist, track, url) if artist else Title.from_text(track, url)
        broadcast.set_title(whole)
        return whole

    async def connect(
        self, channel_id: str, stream_type: str, secret: str, source: Source, station: Station
    ) -> Input:
        """Make a source that of its channel, or raise the `Refusal` that says why not.

        An older source of the channel is taken over, unless the channel refuses that or two encoders
        fight. A source that `is_gone` by now changes nothing. `station.address` is whom wrong secrets are
        counted against. It waits for nothing but the database and the delay of a wrong secret, both
        bounded.
        """
        wanted = parse_stream_type(stream_type)
        try:
            if self.is_draining:
                raise ServerDraining  # it is reported as all others are
            return await self._connect(channel_id, wanted, secret, source, station)
        except Refusal as refusal:
            self.report_refusal(channel_id, wanted, refusal, station)
            raise

    def report_refusal(
        self, channel_id: str, stream_type: StreamType, refusal: Refusal, station: Station
    ) -> None:
        """Count that an encoder was refused, and tell whoever listens to events."""
        self.refused_logins[refusal.code] += 1
        if not isinstance(refusal, UnknownChannel | ServiceUnavailable):
            self._live.emit(
                ChannelEvent(
                    ChannelChange.LOGIN_REFUSED,
                    channel_id,
                    stream_type,
                    detail=str(refusal),
                    facts={
                        "reason": refusal.code,
                        "address": station.address,
                        "encoder": station.user_agent,
                    },
                )
            )

    async def _connect(
        self, channel_id: str, wanted: StreamType, secret: str, source: Source, station: Station
    ) -> Input:
        with refusing_when_away("check the login"):
            try:
                record = await self._load_for_login(channel_id, station.address)
                await self._login.check(record.channel, wanted, secret, station.address)
                async with self._locks.hold(channel_id):
                    record = await self._load_rows(channel_id)
                    # No await from here to the end: what was checked is what goes on air.
                    self._login.check_at_once(record.channel, wanted, secret)
                    record.require_enabled()
                    require_selected(record, wanted)
                    self._memory.remember(record, wanted, secret, self._clock())
                    return self._admit(record, wanted, secret, source, station)
            except DatabaseUnavailable:
                async with self._locks.hold(channel_id):
                    # Again without an await: whoever changes the channel has dropped the login by now.
                    known = self._memory.find(channel_id, wanted, secret, self._clock())
                    if known is not None:
                        logger.info("channel=%s login by memory: no database", channel_id)
                        return self._admit(known, wanted, secret, source, station)
                await self._delay_unknown_secret(channel_id, station.address)
                raise

    def _admit(
        self,
        record: ChannelRecord,
        wanted: StreamType,
        secret: str,
        source: Source,
        station: Station,
    ) -> Input:
        """Put a source on air whose login was right by these rows."""
        if self._is_closing:
            raise ServiceUnavailable("take a source")
        if source.is_gone:
            raise EncoderGone(record.channel.id)
        self._make_room(record, wanted, station)
        return self._live.connect(record, source, station, fingerprint(secret))

    async def _delay_unknown_secret(self, channel_id: str, address: str) -> None:
        """Keep those back who guess a secret that memory knows."""
        if channel_id in self._memory:
            await self._login.delay_failure(channel_id, address)

    def _note_use(self, event: ChannelEvent) -> None:
        """Take note of a source that came or went: the login of one on air is remembered for longer."""
        if event.change not in _USES:
            return
        is_on_air = event.change is ChannelChange.SOURCE_CONNECTED
        record = self._memory.note_on_air(event.channel_id, self._clock(), is_on_air=is_on_air)
        if record is not None and not is_on_air:
            for stream in record.streams:
                self._rows.overlay(stream)  # its uptime, to go on from there

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
            try:
                record = await self._load_for_login(channel_id, address)
            except DatabaseUnavailable:
                if self._memory.find(channel_id, wanted, secret, self._clock()) is not None:
                    return
                await self._delay_unknown_secret(channel_id, address)
                raise
            await self._login.check(record.channel, wanted, secret, address)

    async def switch_stream_type(self, channel_id: str, stream_type: str) -> Stream:
        """Do the same as `switch`; return the row alone."""
        return (await self.switch(channel_id, stream_type)).stream

    async def switch(self, channel_id: str, stream_type: str) -> SwitchOutcome:
        """Select the channel's other type. What is on air of the first one ends.

        All of it happens or none, even if the caller is cancelled meanwhile. The type that is
        selected already stays on air. Raises `UnknownChannel`, `InvalidValue`,
        `ServiceUnavailable`.
        """
        wanted = parse_stream_type(stream_type)
        task = asyncio.ensure_future(self._switch(channel_id, wanted))
        self._switches.add(task)
        task.add_done_callback(self._switches.discard)
        return await asyncio.shield(task)

    async def get_active_stream_type(self, channel_id: str) -> StreamType | None:
        """Return the type that is on air, None while the channel is off air. Raises `UnknownChannel`.

        With simulcast, where both rows are live, it is the type of the source.
        """
        return (await self.get_active_stream(channel_id)).active_type

    async def is_stream_type_active(self, channel_id: str, stream_type: str) -> bool:
        """Whether this type is on air. Raises `UnknownChannel`."""
        wanted = parse_stream_type(stream_type)
        return await self.get_active_stream_type(channel_id) is wanted

    async def get_active_stream(self, channel_id: str) -> ActiveStream:
        """Return what is on air with its row as it is now. Raises `UnknownChannel`."""
        return self.describe_active(await self._look_up(channel_id))

    def describe_active(self, record: ChannelRecord) -> ActiveStream:
        """Return what is on air of a channel whose rows have just been read."""
        channel_id = record.channel.id
        live = self.live(channel_id)
        active = StreamType(live.stream_type) if live is not None else None
        stream = record.stream(active or record.selected_type)
        if stream is not None:
            self._rows.overlay(stream)
        status = (stream.status if stream else None) or StreamStatus.OFFLINE
        return ActiveStream(
            channel_id, active, record.selected_type, status, stream if active else None
        )

    async def get_streams(self, channel_id: str) -> list[Stream]:
        """Return the channel's rows as they are now. Raises `UnknownChannel`."""
        record = await self._look_up(channel_id)
        return [self._rows.overlay(stream) for stream in record.streams]

    def count_listeners(self, channel_id: str) -> ListenerCounts:
        """Return how many listen to a channel; nobody does while it is off air."""
        live = self.live(channel_id)
        if live is None:
            nobody = dict.fromkeys(StreamType, 0)
            return ListenerCounts(nobody, nobody)
        counts = {kind: live.listeners_of(kind) for kind in StreamType}
        return ListenerCounts(
            {kind: count.listeners for kind, count in counts.items()},
            {kind: count.peak_listeners for kind, count in counts.items()},
        )

    async def refresh(self, channel_id: str) -> None:
        """Hold what is on air, and what is remembered, to what the channel's rows say now.

        Raises `UnknownChannel`. When the rows cannot be read, the channel's login is forgotten.
        """
        with refusing_when_away("look up the channel"):
            # In its turn, so that a login by the rows as they were is over, and revised here.
            async with self._locks.hold(channel_id):
                decisions, version = self._live.decisions, self._memory.version
                try:
                    records = await self._load_policies([channel_id])
                except DatabaseUnavailable:
                    self._memory.forget(channel_id)
                    raise
                self._memory.revise(channel_id, records.get(channel_id), version)
            if channel_id not in records:
                raise UnknownChannel(channel_id[:64])
            await self._apply({channel_id: records[channel_id]}, decisions)
            await self._keep_on_air()

    async def refresh_all(self) -> None:
        """Do the same for every channel on air or remembered. Raises `DatabaseUnavailable`."""
        remembered = self._memory.list_ids(self._clock())
        on_air = [broadcast.channel_id for broadcast in self.live_broadcasts()]
        ids = list(dict.fromkeys(on_air + remembered))
        for start in range(0, len(ids), REREAD_CHANNELS):
            some = ids[start : start + REREAD_CHANNELS]
            decisions, version = self._live.decisions, self._memory.version
            records = await self._load_policies(some)
            for channel_id in some:
                self._memory.revise(channel_id, records.get(channel_id), version)
            await self._apply(
                {channel_id: records.get(channel_id) for channel_id in some}, decisions
            )
        await self._keep_on_air()

    async def _apply(self, records: Mapping[str, PolicyRecord | None], decisions: int) -> None:
        for channel_id, record in records.items():
            with _keeping_others(channel_id):
                broadcast = self.live(channel_id)
                if broadcast is not None and self._live.apply(broadcast, record, decisions):
                    await self._match_deliveries(channel_id)

    async def _match_deliveries(self, channel_id: str) -> None:
        """Attach what the channel is set to, by its whole rows."""
        async with self._locks.hold(channel_id):
            whole = await self._load_rows(channel_id)
            broadcast = self.live(channel_id)
            if broadcast is not None:
                self._live.match_deliveries(broadcast, whole)

    async def _keep_on_air(self) -> None:
        """Put the channels on air that their fallback alone keeps there."""
        async with self._sessions.read() as session:
            ids = await load_always_on(session)
        for channel_id in ids:
            if self.live(channel_id) is None and not self._is_closing:
                with _keeping_others(channel_id):
                    async with self._locks.hold(channel_id):
                        await self._open_on_fallback(channel_id)

    async def _open_on_fallback(self, channel_id: str) -> None:
        record = await self._load_rows(channel_id)
        main = record.main
        if main is None or self._stand_ins is None or self._is_closing:
            return
        try:
            record.require_enabled()
        except ChannelDisabled:
            return
        track = choose_track(main.format)
        self._live.set_fallback(record.channel)
        if self._stand_ins.is_ready(channel_id, track, main.bitrate) and not self.live(channel_id):
            self._live.open_on_fallback(record, track)

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

    async def _load_rows(self, channel_id: str) -> ChannelRecord:
        """Read a channel that has the rows it needs; other programs may leave it without."""
        record = await self._load(channel_id)
        needed = find_deliveries(record.channel, record.selected_type)
        if record.main is None or any(record.stream(kind) is None for kind in needed):
            record = await self._select(channel_id, record.selected_type, lambda _record, _: None)
        assert record.main is not None
        return record

    def _make_room(self, record: ChannelRecord, wanted: StreamType, station: Station) -> None:
        """Raise a `Refusal` unless the channel is free, or its source may be taken over."""
        live = self.live(record.channel.id)
        if live is None:
            self._takeovers.end_fight(record.channel.id)
            return
        if live.stream_type != wanted:  # another process has switched it, we had not heard yet
            self._leave(live, record, wanted)
            return
        live.pull()  # it may have sent what nobody has needed yet
        if live.input is None or live.is_closed:
            self._takeovers.end_fight(live.channel_id)
            return
        now = self._clock()
        silent_s = now - live.last_frame
        if record.channel.takeover is TakeoverPolicy.REFUSE:
            if min(silent_s, now - live.connected_at) < self._stale_source_s:
                raise ChannelBusy(live.channel_id)
            return
        verdict = self._takeovers.judge(live.channel_id, silent_s, now)
        if verdict is not Verdict.TAKE_OVER:
            kept_for_s = self._takeovers.kept_for_s(live.channel_id, now)
            refusal = EncodersFight(live.channel_id, live.input.station.address, kept_for_s)
            if verdict is Verdict.FIGHT_BEGINS:
                self._live.report_fight(live, refusal, station.address)
            raise refusal

    def _leave(self, live: Broadcast, record: ChannelRecord, wanted: StreamType) -> None:
        """Leave the type that is no longer selected; with simulcast the listeners stay."""
        if record.channel.simulcast:
            self._live.select(live, wanted)
        else:
            live.close(End(EndReason.SWITCHED, why=f"the channel is set to {wanted.label}"))

    async def _switch(self, channel_id: str, wanted: StreamType) -> SwitchOutcome:
        has_changed = False
        async with self._locks.hold(channel_id):
            live = self.live(channel_id)

            def finish(record: ChannelRecord, is_changed: bool) -> None:  # noqa: FBT001  # called by the transaction only
                if live is not None and not live.is_closed and live.stream_type != wanted:
                    self._leave(live, record, wanted)
                nonlocal has_changed
                has_changed = is_changed
                if is_changed:
                    self._memory.forget(channel_id)
                    self._live.emit(ChannelEvent(ChannelChange.SWITCHED, channel_id, wanted))

            record = await self._select(channel_id, wanted, finish)
        assert record.main is not None
        return SwitchOutcome(self._rows.overlay(record.main), has_changed)

    async def _select(
        self,
        channel_id: str,
        wanted: StreamType,
        on_committed: Callable[[ChannelRecord, bool], None],
    ) -> ChannelRecord:
        live = self.live(channel_id)
        with refusing_when_away("switch the channel"):
            return await commit_selection(
                self._sessions,
                channel_id,
                wanted,
                urls=self._urls(),
                live=self._rows.find_uptime(live) if live else (),
                now=self._wall_clock(),
                on_committed=on_committed,
            )


def parse_stream_type(text: str) -> StreamType:
    """Return the type of this name. Raises `InvalidValue`."""
    try:
        return StreamType(text)
    except ValueError:
        raise InvalidValue(f"got stream type {text[:64]!r}, expected hls or icecast") from None
