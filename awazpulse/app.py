r"""The server: the only place that knows all rooms, and wires them.

    RTMP :1935 --\                           /-- Icecast listeners :8000
                  StreamManager, Broadcast --
    Icecast :8000/                          \-- HLS packager and players :8088

Start: database, ports, then the rows are repaired, and only then sources are let in. Stop:
broadcasts end (sources closed, listeners told, rows written), then ports, then the database.
"""

import asyncio
import errno
import gc
import logging
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from api.app import create_app
from api.event_clients import EventClients
from api.panel_pages import PanelOptions
from api.server import ApiServer
from api.services import Services
from awazpulse.channels.accounts import Accounts
from awazpulse.channels.catalog import ChannelCatalog
from awazpulse.channels.credentials import ChannelCredentials
from awazpulse.channels.diagnosis import Diagnosis
from awazpulse.channels.fallback_files import FallbackFiles, ProbedFile
from awazpulse.channels.happenings import Happenings
from awazpulse.channels.levels import LevelMonitor
from awazpulse.channels.public_urls import PublicUrls
from awazpulse.channels.public_view import PublicView
from awazpulse.channels.quality import QualityMonitor
from awazpulse.channels.secrets import Vault
from awazpulse.channels.sign_ins import SignIns
from awazpulse.channels.stand_ins import StandInShelf
from awazpulse.channels.stream_manager import StreamManager
from awazpulse.channels.tokens import Tokens
from awazpulse.descriptors import DescriptorBudget, raise_limit
from awazpulse.events.hub import EventHub
from awazpulse.events.ticker import Ticker
from awazpulse.first_start import FirstOwner, populate_if_empty
from awazpulse.kinds import StreamType
from awazpulse.ledger.book import Book
from awazpulse.ledger.countries import UnusableCountryDatabase, open_countries
from awazpulse.ledger.reader import LedgerReader
from awazpulse.ledger.titles import TitleLog
from awazpulse.ledger.upkeep import Upkeep
from awazpulse.ledger.writer import LedgerWriter
from awazpulse.media.client import MediaWorker
from awazpulse.media.errors import MediaFailed
from awazpulse.media.errors import UnusableFile as NoAudio
from awazpulse.refusals import Refusal, ServiceUnavailable, UnusableFile
from awazpulse.relay import Input, Source, Station
from awazpulse.relay.fanout import FanOut
from awazpulse.relay.pacing import Pacing
from awazpulse.relay.standby import Standby
from awazpulse.running import RunningServer
from awazpulse.settings import PREFIX, Settings, SettingsError, load_secret_key, prepare_data_dir
from awazpulse.store import (
    Database,
    DatabaseUnavailable,
    InvalidDatabaseUrl,
    migrate,
    open_database,
)
from awazpulse.turns import Turns
from awazpulse.webhooks.catalog import WebhookCatalog
from awazpulse.webhooks.outbox import Outbox
from awazpulse.webhooks.sender import WebhookSender
from hls.server import HlsServer
from icecast_compat.server import IcecastLimits, IcecastServer
from ingest.rtmp.limits import RtmpLimits
from ingest.rtmp.server import RtmpServer

logger = logging.getLogger(__name__)

EVENT_TURN_S = 0.002  # of one turn of the loop, for those who read events
LEDGER_CLOSE_S = 5.0  # how long the server's stop waits for the ledger's last rows


class _Prober:
    """The worker process as it looks into a channel's fallback; its errors are refusals there."""

    def __init__(self, media: MediaWorker) -> None:
        self._media = media

    async def probe(self, path: Path) -> ProbedFile:
        try:
            return await self._media.probe(path)
        except NoAudio as error:
            # The name is an upload's random one, which says nothing to whoever has sent the file.
            raise UnusableFile(str(error).replace(path.name, "the file")) from None
        except MediaFailed as error:
            logger.warning("a file cannot be looked into: %s", error)
            raise ServiceUnavailable("look into the file") from error


class Core:
    """What the server and the command line share: the database and what stands on it."""

    def __init__(self, settings: Settings) -> None:
        """Raise `SettingsError` for what the settings make impossible."""
        self.settings = settings
        prepare_data_dir(settings)
        secret_key = load_secret_key(settings)
        try:
            self.database: Database = open_database(settings.effective_database_url)
        except InvalidDatabaseUrl as error:
            raise SettingsError(f"{PREFIX}DATABASE_URL: {error}") from None
        self.urls = PublicUrls(
            settings.effective_public_host,
            settings.rtmp_port,
            settings.icecast_port,
            settings.hls_port,
            settings.api_port,
        )
        self.vault = Vault(secret_key)
        self.tokens = Tokens(secret_key)
        self.accounts = Accounts(self.database)
        self.sign_ins = SignIns(self.database)
        self.catalog = ChannelCatalog(self.database, self.vault, lambda: self.urls)
        self.media = MediaWorker()
        self.stand_ins = StandInShelf(self.media, settings.data_dir)
        self.manager = StreamManager(
            self.database, self.vault, lambda: self.urls, stand_ins=self.stand_ins
        )
        self.fallbacks = FallbackFiles(self.database, settings.data_dir, _Prober(self.media))
        self.running = RunningServer(settings.data_dir)

    async def close(self) -> None:
        """Give everything back."""
        await self.stand_ins.close()
        await self.media.close()
        await self.database.close()

    async def migrate(self) -> None:
        """Bring the database to the newest schema. Raises `SettingsError`."""
        try:
            await migrate(self.database)
        except DatabaseUnavailable as error:
            raise SettingsError(
                f"cannot use the database ({error.detail}); check {PREFIX}DATABASE_URL"
            ) from None


def _open_countries(settings: Settings) -> Callable[[str], str | None]:
    """Return what finds an address's country. Raises `SettingsError`."""
    if settings.country_database is None:
        return lambda _address: None
    try:
        return open_countries(settings.country_database)
    except UnusableCountryDatabase as error:
        raise SettingsError(f"{PREFIX}COUNTRY_DATABASE: {error}") from None


class _Gate:
    """The stream manager as one ingest sees it; shut until the rows are repaired."""

    def __init__(self, manager: StreamManager, stream_type: StreamType) -> None:
        self._manager = manager
        self._stream_type = stream_type
        self.is_open = asyncio.Event()

    async def connect(
        self, channel_id: str, secret: str, source: Source, station: Station
    ) -> Input:
        await self.is_open.wait()
        return await self._manager.connect(channel_id, self._stream_type, secret, source, station)

    async def authorize(self, channel_id: str, secret: str, address: str) -> None:
        await self._manager.authorize_source(channel_id, self._stream_type, secret, address)

    def title_charset(self, channel_id: str) -> str:
        return self._manager.title_charset(channel_id)

    def report_refusal(self, channel_id: str, refusal: Refusal, station: Station) -> None:
        self._manager.report_refusal(channel_id, self._stream_type, refusal, station)


@dataclass(frozen=True, slots=True)
class Started:
    """What there is to tell once the server runs."""

    urls: PublicUrls
    channels: list[str]
    credentials: ChannelCredentials | None
    owner: FirstOwner | None


class App:
    """One server. `start`, then `close`; both once."""

    def __init__(self, settings: Settings) -> None:
        """Call it inside the running event loop. Raises `SettingsError`."""
        self.core = Core(settings)
        self._settings = settings
        manager = self.core.manager
        loop = asyncio.get_running_loop()
        self._standby = Standby(loop, manager.live_broadcasts)
        self._levels = LevelMonitor(
            self.core.media,
            manager.live_broadcasts,
            manager.report_dead_air,
            manager.dead_air_settings,
        )
        self._quality = QualityMonitor(manager.live_broadcasts, manager.report_quality)
        happenings = Happenings()
        manager.on_changed(happenings.note)
        self._book = Book(
            address_rule=settings.ledger_addresses, find_country=_open_countries(settings)
        )
        manager.on_changed(TitleLog(self._book).note)
        self._ledger = LedgerWriter(
            self.core.database, self._book, Upkeep(self.core.database, settings.ledger_days)
        )
        public = PublicView(self.core.database, manager.live, lambda: self.core.urls)
        turns = Turns(loop.call_soon, time.monotonic, EVENT_TURN_S)
        self._events = EventHub(turns.add, public.shows_listeners)
        self._ticker = Ticker(self._events, manager.live_broadcasts, self._levels.report)
        manager.on_changed(self._events.note)
        event_clients = EventClients()
        self._outbox = Outbox(self.core.database)
        self._events.on_message = self._outbox.note
        self._sender = WebhookSender(
            self.core.database,
            self.core.vault,
            allows_private=settings.webhook_private_addresses,
            has_work=lambda: self._outbox.has_webhooks,
        )
        self._outbox.on_written = self._sender.wake
        webhooks = WebhookCatalog(self.core.database, self.core.vault, self._outbox.reread)
        budget = DescriptorBudget(raise_limit())
        self._fanout = FanOut(
            loop,
            Pacing(
                min_interval_s=settings.fanout_min_interval_ms / 1000,
                max_interval_s=settings.fanout_max_interval_ms / 1000,
                sends_per_second=float(settings.fanout_sends_per_second),
                stall_timeout_s=settings.stall_timeout_s,
            ),
        )
        self._rtmp_gate = _Gate(manager, StreamType.HLS)
        self._icecast_gate = _Gate(manager, StreamType.ICECAST)
        self._rtmp = RtmpServer(self._rtmp_gate, RtmpLimits(silence_s=settings.rtmp_timeout_s))
        self._icecast = IcecastServer(
            self._icecast_gate,
            self._fanout,
            settings.effective_public_host,
            IcecastLimits(
                head_timeout_s=settings.head_timeout_s, source_timeout_s=settings.source_timeout_s
            ),
            budget,
            self._book,
        )
        self._hls = HlsServer(has_room=budget.has_room_for_listener, session_log=self._book)
        budget.count_in(lambda: self._fanout.listeners)
        budget.count_in(lambda: self._icecast.waiting)
        budget.count_in(lambda: self._hls.connections)
        core = self.core
        services = Services(
            manager,
            core.catalog,
            core.accounts,
            core.sign_ins,
            core.tokens,
            core.database,
            core.fallbacks,
            self._levels,
            Diagnosis(manager.live, happenings, self._quality),
            LedgerReader(core.database, self._book.now_ms),
            public,
            self._events,
            event_clients,
            webhooks,
        )
        panel = PanelOptions(lambda: core.urls, settings.embed_host_list)
        self._api = ApiServer(
            create_app(services, settings.cors_origin_list, panel),
            count_lasting=lambda: event_clients.count,
        )
        budget.count_in(lambda: event_clients.count)
        manager.add_delivery(StreamType.HLS, self._hls)
        manager.add_delivery(StreamType.ICECAST, self._icecast)

    async def start(self) -> Started:
        """Bring everything up. Raises `SettingsError`; call `close` then, too."""
        core = self.core
        await core.migrate()
        core.urls = PublicUrls(
            self._settings.effective_public_host,
            await self._listen(self._rtmp.start, "RTMP", "rtmp_port"),
            await self._listen(self._icecast.start, "Icecast", "icecast_port"),
            await self._listen(self._hls.start, "HLS", "hls_port"),
            await self._listen(self._api.start, "the API", "api_port"),
        )
        await core.manager.start()
        await self._ledger.start()
        await self._outbox.start()
        self._sender.start()
        self._standby.start()
        self._levels.start()
        self._quality.start()
        self._ticker.start()
        await self._sweep_fallbacks()
        owner = await populate_if_empty(core.accounts, core.catalog)
        channels = [channel.id for channel in await core.catalog.list_all()]
        credentials = await core.catalog.get_credentials(channels[0]) if owner else None
        core.running.announce(self._settings.bind, core.urls)
        for gate in (self._rtmp_gate, self._icecast_gate):
            gate.is_open.set()
        return Started(core.urls, channels, credentials, owner)

    async def close(self) -> None:
        """End what is on air, then the rest. Also after a `start` that failed."""
        self.core.running.withdraw()
        for gate in (self._rtmp_gate, self._icecast_gate):
            gate.is_open.set()  # who waits there is refused now, and not at a deadline
        closers = (
            self._levels.close(),
            self._ticker.close(),
            self.core.manager.close(),
            self._end_events(),
            *(server.close() for server in (self._api, self._rtmp, self._icecast, self._hls)),
        )
        for closer in closers:
            try:
                await closer
            except Exception:
                logger.exception("a part of the server did not end well")
        self._standby.close()
        self._quality.close()
        self._fanout.close()
        await self._ledger.close(LEDGER_CLOSE_S)
        await self._outbox.close(LEDGER_CLOSE_S)
        await self._sender.close()
        await self.core.close()

    async def _end_events(self) -> None:
        self._events.close()

    async def _sweep_fallbacks(self) -> None:
        """Delete what uploads have left behind that a crash has ended."""
        try:
            strays = await self.core.fallbacks.sweep()
        except Refusal as refusal:
            logger.warning("uploads that a crash has ended are still there: %s", refusal)
        else:
            if strays:
                logger.info("deleted %d files of uploads that a crash had ended", strays)

    async def _listen(
        self, start: Callable[[str, int], Awaitable[int]], what: str, setting: str
    ) -> int:
        port: int = getattr(self._settings, setting)
        bind = self._settings.bind
        try:
            return await start(bind, port)
        except OSError as error:
            variable = PREFIX + setting.upper()
            if error.errno == errno.EADDRINUSE:
                advice = f"stop the program that uses it or set {variable} to another port"
                raise SettingsError(f"port {port} for {what} is in use; {advice}") from None
            if error.errno == errno.EACCES:
                raise SettingsError(
                    f"port {port} for {what} needs privileges; set {variable} to one above 1023"
                ) from None
            raise SettingsError(
                f"cannot listen on {bind} port {port} for {what} ({error.strerror or error});"
                f" check {PREFIX}BIND and {variable}"
            ) from None


async def serve(settings: Settings, on_started: Callable[[Started], None]) -> None:
    """Run a server until SIGINT or SIGTERM. Raises `SettingsError` when it cannot start."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    app = App(settings)
    try:
        started = await app.start()
        _spare_collector()
        on_started(started)
        await stop.wait()
        logger.info("stopping")
    finally:
        await app.close()


def _spare_collector() -> None:
    """Keep full garbage collections from stopping the loop.

    Over 100,000 objects live as long as the process (modules, mostly), and each listener adds some: a
    full collection took 50 ms before the first client, and 190 ms with 16,000. What lives now is left
    out of them for good, and they become rare; what is in no cycle is freed at once anyway.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 1000)
