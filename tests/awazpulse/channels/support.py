"""A small radio to test with: one owner, one channel, a StreamManager on a clock of ours."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from awazpulse.audio import Codec, Frame, Track
from awazpulse.channels.accounts import Accounts
from awazpulse.channels.catalog import ChannelCatalog
from awazpulse.channels.passwords import Passwords
from awazpulse.channels.public_urls import PublicUrls
from awazpulse.channels.secrets import Vault
from awazpulse.channels.stream_manager import StreamManager
from awazpulse.kinds import StreamType
from awazpulse.relay import Broadcast, Station
from awazpulse.store import Database, DatabaseUnavailable, Stream, User

SECRET_KEY = "a secret key for tests only"
URLS = PublicUrls("radio.example")
OWNER, OWNER_PASSWORD = "owner@radio.example", "owner's password"
CHEAP_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
MP3_TRACK = Track(Codec.MP3, 44100, 2, 1152)
AAC_TRACK = Track(Codec.AAC, 48000, 2, 1024, b"\x11\x90")
STATION = Station(name="Test", address="192.0.2.7:5555", user_agent="test/1", bitrate_kbps=192)


class FakeSource:
    """An encoder that remembers why it was closed; `on_pull` says what it does when asked."""

    def __init__(self, on_pull: Callable[[], None] = lambda: None) -> None:
        self.closed: list[str] = []
        self.on_pull = on_pull

    def close(self, reason: str) -> None:
        self.closed.append(reason)

    def pull(self) -> None:
        self.on_pull()


class Clock:
    """Monotonic and wall time that pass only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wall(self) -> datetime:
        return datetime(2026, 1, 1) + timedelta(seconds=int(self.now))  # noqa: DTZ001  # as stored

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class FlakySessions:
    """A database that can be taken away."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.is_away = False
        self.fail_at_commit = False

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        return self._guard(self.database.read())

    def write(self) -> AbstractAsyncContextManager[AsyncSession]:
        return self._guard(self.database.write())

    @asynccontextmanager
    async def _guard(
        self, transaction: AbstractAsyncContextManager[AsyncSession]
    ) -> AsyncIterator[AsyncSession]:
        if self.is_away:
            raise DatabaseUnavailable("taken away by the test")
        async with transaction as session:
            if self.fail_at_commit:
                session.commit = self._fail  # type: ignore[method-assign]
            yield session

    async def _fail(self) -> None:
        raise DatabaseUnavailable("taken away at the commit")


@dataclass
class Radio:
    """Everything that a test of channels touches."""

    database: Database
    sessions: FlakySessions
    clock: Clock
    catalog: ChannelCatalog
    accounts: Accounts
    manager: StreamManager
    owner: User
    stream_key: str = field(repr=False)
    source_password: str = field(repr=False)

    def new_manager(self) -> StreamManager:
        """Another process's manager of the same database."""
        return StreamManager(
            self.sessions,
            Vault(SECRET_KEY),
            lambda: URLS,
            clock=self.clock,
            wall_clock=self.clock.wall,
            sleep=self.clock.sleep,
        )

    def secret(self, stream_type: str) -> str:
        return self.stream_key if stream_type == "hls" else self.source_password

    async def go_live(
        self, stream_type: str = "hls", *, source: FakeSource | None = None, takeover: bool = True
    ) -> Broadcast:
        return await self.manager.open_broadcast(
            "demo",
            stream_type,
            self.secret(stream_type),
            source or FakeSource(),
            STATION,
            takeover=takeover,
        )

    async def row(self, stream_type: str = "hls") -> Stream:
        """The row as it is in the database."""
        async with self.database.read() as session:
            query = select(Stream).where(
                Stream.channel_id == "demo", Stream.stream_type == StreamType(stream_type)
            )
            return (await session.scalars(query)).one()

    async def rows(self) -> list[Stream]:
        async with self.database.read() as session:
            query = select(Stream).where(Stream.channel_id == "demo").order_by(Stream.stream_type)
            return list(await session.scalars(query))


def publish_second(broadcast: Broadcast, now: float) -> None:
    """Publish about a second of MP3 at 128 kbit/s."""
    broadcast.set_track(MP3_TRACK)
    for _ in range(38):
        broadcast.publish([Frame(0, 1152, bytes(418))], now)


@asynccontextmanager
async def open_radio(database: Database) -> AsyncIterator[Radio]:
    """Make the owner and the channel `demo`, and close everything at the end."""
    clock, sessions = Clock(), FlakySessions(database)
    catalog = ChannelCatalog(sessions, Vault(SECRET_KEY), lambda: URLS)
    accounts = Accounts(sessions, Passwords(CHEAP_HASHER), clock=clock, sleep=clock.sleep)
    owner = await accounts.create(OWNER, OWNER_PASSWORD)
    await catalog.create("demo", "Demo", OWNER)
    credentials = await catalog.get_credentials("demo")
    radio = Radio(
        database,
        sessions,
        clock,
        catalog,
        accounts,
        manager=None,  # type: ignore[arg-type]  # made from the radio itself, below
        owner=owner,
        stream_key=credentials.hls.stream_key.removeprefix("demo?key="),
        source_password=credentials.icecast.password,
    )
    radio.manager = radio.new_manager()
    yield radio
    sessions.is_away = sessions.fail_at_commit = False
    await radio.manager.close("the test is over")
