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
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

from api.app import create_app
from api.fast_lane import FastLane
from api.panel_pages import PanelOptions
from api.server import ApiServer
from api.services import Services
from awazpulse.announcements import Announcements
from awazpulse.channels.accounts import Accounts
from awazpulse.channels.catalog import ChannelCatalog
from awazpulse.channels.credential_memory import CredentialMemory
from awazpulse.channels.credentials import ChannelCredentials
from awazpulse.channels.diagnosis import Diagnosis
from awazpulse.channels.fallback_files import FallbackFiles, ProbedFile
from awazpulse.channels.happenings import Happenings
from awazpulse.channels.issuer_tokens import (
    FixedKey,
    IssuerRules,
    IssuerTokens,
    KeySource,
    UnusableKey,
    parse_public_key,
)
from awazpulse.channels.levels import LevelMonitor
from awazpulse.channels.public_urls import PublicUrls
from awazpulse.channels.quality import QualityMonitor
from awazpulse.channels.secrets import Vault
from awazpulse.channels.sign_ins import SignIns
from awazpulse.channels.stand_ins import StandInShelf
from awazpulse.channels.stream_manager import StreamManager
from awazpulse.channels.tokens import Tokens
from awazpulse.descriptors import DescriptorBudget, raise_limit
from awazpulse.first_start import FirstOwner, populate_if_empty
from awazpulse.jwks import JwksKeys
from awazpulse.kinds import StreamType
from awazpulse.ledger.book import Book
from awazpulse.ledger.countries import UnusableCountryDatabase, open_countries
from awazpulse.ledger.reader import LedgerReader
from awazpulse.ledger.titles import TitleLog
from awazpulse.ledger.upkeep import Upkeep
from awazpulse.ledger.writer import LedgerWriter
from awazpulse.logs import change_logging
from awazpulse.media.client import MediaWorker
from awazpulse.media.errors import MediaFailed
from awazpulse.media.errors import UnusableFile as NoAudio
from awazpulse.metrics.gauges import Counted, DatabaseCounts, Gauges
from awazpulse.metrics.heartbeat import Heartbeat
from awazpulse.metrics.scrape import Scrape
from awazpulse.readiness import Readiness
from awazpulse.refusals import Refusal, ServiceUnavailable, UnusableFile
from awazpulse.relay import Input, Source, Station
from awazpulse.relay.fanout import FanOut
from awazpulse.relay.pacing import Pacing
from awazpulse.relay.standby import Standby
from awazpulse.reload import Reloader
from awazpulse.running import RunningServer
from awazpulse.sd_notify import ServiceManager
from awazpulse.settings import PREFIX, Settings, SettingsError, load_secret_key, prepare_data_dir
from awazpulse.signals import Signals
from awazpulse.store import (
    Database,
    DatabaseUnavailable,
    InvalidDatabaseUrl,
    Share,
    migrate,
    open_database,
)
from hls.server import HlsServer
from icecast_compat.server import IcecastLimits, IcecastServer
from ingest.rtmp.limits import RtmpLimits
from ingest.rtmp.server import RtmpServer

logger = logging.getLogger(__name__)

API_TRANSACTIONS = 3  # at once: encoders that come in have the rest
DRAIN_LOOK_S = 0.25  # how often it is looked whether somebody still listens
MAX_CLOSE_S = 30.0  # what the end after it takes at most
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
            settings.public_origin,
        )
        self.vault = Vault(secret_key)
        self.tokens = Tokens(secret_key)
        self.for_api = Share(self.database, API_TRANSACTIONS)
        self.accounts = Accounts(self.for_api)
        self.sign_ins = SignIns(self.for_api)
        self.catalog = ChannelCatalog(self.for_api, self.vault, lambda: self.urls)
        self.media = MediaWorker()
        self.stand_ins = StandInShelf(self.media, settings.data_dir)
        self.manager = StreamManager(
            self.database,
            self.vault,
            lambda: self.urls,
            stand_ins=self.stand_ins,
            credential_memory=CredentialMemory(settings.credential_memory_s),
        )
        self.fallbacks = FallbackFiles(self.for_api, settings.data_dir, _Prober(self.media))
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


def _make_pacing(settings: Settings) -> Pacing:
    return Pacing(
        min_interval_s=settings.fanout_min_interval_ms / 1000,
        max_interval_s=settings.fanout_max_interval_ms / 1000,
        sends_per_second=float(settings.fanout_sends_per_second),
        stall_timeout_s=settings.stall_timeout_s,
    )


def _open_issuer(settings: Settings) -> IssuerTokens | None:
    """Return what verifies the tokens of another issuer, if one is set. Raises `SettingsError`."""
    keys: KeySource
    if settings.jwt_jwks_url:
        keys = JwksKeys(settings.jwt_jwks_url)
    elif settings.jwt_public_key:
        try:
            keys = FixedKey(parse_public_key(_read_pem(settings.jwt_public_key)))
        except (UnusableKey, OSError, ValueError) as error:
            raise SettingsError(f"{PREFIX}JWT_PUBLIC_KEY: {error}") from None
    else:
        return None
    rules = IssuerRules(
        settings.jwt_issuer,
        settings.jwt_audience,
        settings.jwt_user_claim,
        settings.jwt_role_claim,
        settings.jwt_admin_role,
    )
    return IssuerTokens(rules, keys)


def _read_pem(text: str) -> str:
    r"""Return a PEM text, which may stand in one line with \n as in .env files, or in a file."""
    is_text = text.lstrip().startswith("-----BEGIN")
    return text.replace("\\n", "\n") if is_text else Path(text).read_text(encoding="ascii")


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
        self._upkeep = Upkeep(self.core.database, settings.ledger_days)
        self._ledger = LedgerWriter(self.core.database, self._book, self._upkeep)
        self._told = told = Announcements(
            self.core, self._levels, private_webhooks=settings.webhook_private_addresses
        )
        proxies = settings.proxies
        budget = DescriptorBudget(raise_limit())
        self._fanout = FanOut(loop, _make_pacing(settings))
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
            settings.public_origin,
            proxies,
        )
        self._hls = HlsServer(
            has_room=budget.has_room_for_listener, session_log=self._book, proxies=proxies
        )
        budget.count_in(lambda: self._fanout.listeners)
        budget.count_in(lambda: self._icecast.waiting)
        budget.count_in(lambda: self._hls.connections)
        core = self.core
        self._readiness = Readiness()
        counted = Counted(
            manager,
            self._fanout,
            self._hls,
            self._quality,
            self._book,
            lambda: self._readiness.is_draining,
        )
        transactions = DatabaseCounts()
        core.database.on_transaction = transactions.note
        self._heartbeat = Heartbeat(loop)
        gauges = Gauges(counted, transactions, self._heartbeat.lag, version("awazpulse"))
        self._heartbeat.on_beat = gauges.note_peak
        self._metrics = Scrape(gauges, settings.metrics_access)
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
            LedgerReader(core.for_api, self._book.now_ms),
            told.public,
            told.hub,
            told.clients,
            told.webhooks,
            self._readiness,
            self._metrics,
            _open_issuer(settings),
        )
        self._readiness.watch_port("RTMP", lambda: self._rtmp.is_listening)
        self._readiness.watch_port("Icecast", lambda: self._icecast.is_listening)
        self._readiness.watch_port("HLS", lambda: self._hls.is_listening)
        self._readiness.watch_port("the API", lambda: self._api.is_listening)
        self._cors_origins = list(settings.cors_origin_list)
        self._addressing: asyncio.Task[None] | None = None
        panel = PanelOptions(lambda: core.urls, lambda: self._settings.embed_host_list)
        self._api = ApiServer(
            create_app(services, self._cors_origins, proxies, panel),
            fast_lane=FastLane(told.public.peek),
            count_lasting=lambda: told.clients.count,
        )
        budget.count_in(lambda: told.clients.count)
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
            self._settings.public_origin,
        )
        await core.manager.start()
        await self._ledger.start()
        await self._told.start()
        self._standby.start()
        self._levels.start()
        self._quality.start()
        self._heartbeat.start()
        await self._sweep_fallbacks()
        owner = await populate_if_empty(core.accounts, core.catalog)
        channels = [channel.id for channel in await core.catalog.list_all()]
        credentials = await core.catalog.get_credentials(channels[0]) if owner else None
        core.running.announce(self._settings.bind, core.urls)
        for gate in (self._rtmp_gate, self._icecast_gate):
            gate.is_open.set()
        self._readiness.is_repaired = True
        return Started(core.urls, channels, credentials, owner)

    def describe(self) -> str:
        """Return in one line how the server is."""
        live = self.core.manager.live_broadcasts()
        listeners = sum(broadcast.listeners for broadcast in live)
        return f"{len(live)} channels on air, {listeners} listeners"

    def prepare_settings(self, settings: Settings) -> Callable[[], None]:
        """Return what takes settings up while everybody stays on air. Raises `SettingsError`.

        Of what needs a restart they must have the present values.
        """
        return partial(self._take_up, settings, _open_countries(settings))

    def _take_up(self, settings: Settings, find_country: Callable[[str], str | None]) -> None:
        former, self._settings = self._settings, settings
        change_logging(settings.log_level, settings.log_format)
        self._cors_origins[:] = settings.cors_origin_list
        self._fanout.pacing = _make_pacing(settings)
        self._rtmp.limits = replace(self._rtmp.limits, silence_s=settings.rtmp_timeout_s)
        self._icecast.set_timeouts(settings.head_timeout_s, settings.source_timeout_s)
        self._metrics.access = settings.metrics_access
        self._upkeep.days = settings.ledger_days
        self._book.address_rule = settings.ledger_addresses
        self._book.find_country = find_country
        if settings.public_host != former.public_host:
            self._change_public_host(settings.effective_public_host, settings.public_origin)

    def _change_public_host(self, host: str, origin: str) -> None:
        self._icecast.router.public_host = host
        self._icecast.router.public_origin = origin
        self.core.urls = replace(self.core.urls, host=host, origin=origin)
        self.core.running.announce(self._settings.bind, self.core.urls)
        self._addressing = asyncio.get_running_loop().create_task(self._address_rows())

    async def _address_rows(self) -> None:
        try:
            await self.core.manager.address_rows()
        except Refusal as refusal:
            logger.warning("the streams' rows keep the former public host: %s", refusal)

    async def drain(self, seconds: float, at_once: asyncio.Event) -> None:
        """Take nobody new, and let those who listen hear on.

        Return when nobody listens any more, when the time is over, or when `at_once` is set.
        """
        self._readiness.is_draining = True
        self.core.manager.is_draining = True
        self._icecast.router.is_draining = True
        self._hls.router.is_draining = True
        logger.info("draining for %g s at most: %s", seconds, self.describe())
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._has_listeners and not at_once.is_set():
                    with suppress(TimeoutError):
                        async with asyncio.timeout(DRAIN_LOOK_S):
                            await at_once.wait()

    @property
    def _has_listeners(self) -> bool:
        return any(broadcast.listeners for broadcast in self.core.manager.live_broadcasts())

    async def close(self) -> None:
        """End what is on air, then the rest. Also after a `start` that failed."""
        self._readiness.is_draining = True
        self.core.running.withdraw()
        if self._addressing is not None:
            self._addressing.cancel()
        for gate in (self._rtmp_gate, self._icecast_gate):
            gate.is_open.set()  # who waits there is refused now, and not at a deadline
        closers = (
            self._levels.close(),
            self.core.manager.close(),
            self._told.end_events(),
            *(server.close() for server in (self._api, self._rtmp, self._icecast, self._hls)),
        )
        for closer in closers:
            try:
                await closer
            except Exception:
                logger.exception("a part of the server did not end well")
        self._standby.close()
        self._quality.close()
        self._heartbeat.close()
        self._fanout.close()
        await self._ledger.close(LEDGER_CLOSE_S)
        await self._told.close()
        await self.core.close()

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
    """Run a server until SIGINT or SIGTERM; SIGHUP has it read its settings again.

    Raises `SettingsError` when it cannot start.
    """
    loop = asyncio.get_running_loop()
    signals = Signals(loop)
    service = ServiceManager.from_environment()
    app = App(settings)
    reloader = Reloader(settings, app.prepare_settings)

    def reload() -> None:
        service.tell_reloading()
        reloader.reload()
        service.tell_ready(app.describe())

    try:
        started = await app.start()
        _spare_collector()
        on_started(started)
        signals.on_reload(reload)
        service.tell_ready(app.describe())
        service.start_beating(loop, app.describe)
        await signals.wait_for_end()
        drain_s = reloader.settings.drain_s
        if drain_s and not signals.at_once.is_set():
            service.tell_stopping("draining", drain_s + MAX_CLOSE_S)
            await app.drain(drain_s, signals.at_once)
        logger.info("stopping")
        service.tell_stopping("stopping")
    finally:
        await app.close()
        service.close()


def _spare_collector() -> None:
    """Keep full garbage collections from stopping the loop.

    Over 100,000 objects live as long as the process (modules, mostly), and each listener adds some: a
    full collection took 50 ms before the first client, and 190 ms with 16,000. What lives now is left
    out of them for good, and they become rare; what is in no cycle is freed at once anyway.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 1000)
