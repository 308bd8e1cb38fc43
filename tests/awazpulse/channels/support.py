"""A small radio to test with: one owner, one channel, a StreamManager on a clock of ours."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from awazpulse.audio import Codec, Frame, Track
from awazpulse.channels.accounts import Accounts
from awazpulse.channels.catalog import ChannelCatalog
from awazpulse.channels.credential_memory import CredentialMemory
from awazpulse.channels.passwords import Passwords
from awazpulse.channels.public_urls import PublicUrls
from awazpulse.channels.secrets import Vault
from awazpulse.channels.stand_ins import StandInShelf
from awazpulse.channels.stream_manager import StreamManager
from awazpulse.kinds import StreamType
from awazpulse.relay import Broadcast, End, EndReason, Input, Station, Title
from awazpulse.store import Database, DatabaseUnavailable, Stream, User

SECRET_KEY = "a secret key for tests only"
URLS = PublicUrls("radio.example")
OWNER, OWNER_PASSWORD = "owner@radio.example", "owner's password"
CHEAP_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
MP3_TRACK = Track(Codec.MP3, 44100, 2, 1152)
AAC_TRACK = Track(Codec.AAC, 48000, 2, 1024, b"\x11\x90")
LEFT = End(EndReason.DISCONNECTED)
STATION = Station(name="Test", address="192.0.2.7:5555", user_agent="test/1", bitrate_kbps=192)


class FakeSource:
    """An encoder that remembers why it was closed; `on_pull` says what it does when asked."""

    def __init__(self, on_pull: Callable[[], None] = lambda: None) -> None:
        self.is_gone = False
        self.closed: list[str] = []
        self.on_pull = on_pull

    def close(self, end: End) -> None:
        self.closed.append(str(end))

    def pull(self) -> None:
        self.on_pull()


class FakeDelivery:
    """Takes broadcasts, and remembers why each was taken from it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.attached: list[Broadcast] = []
        self.ends: list[str] = []

    def attach(self, broadcast: Broadcast) -> None:
        broadcast.attach(self.name, self)
        self.attached.append(broadcast)

    def on_track(self, track: Track) -> None: ...

    def on_break(self) -> None: ...

    def on_frames(self, frames: Sequence[Frame]) -> None: ...

    def on_title(self, title: Title) -> None: ...

    def on_close(self, end: End) -> None:
        self.ends.append(str(end))


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
    stand_ins: StandInShelf | None = None
    credential_memory_s: float = 0
    deliveries: dict[str, FakeDelivery] = field(default_factory=dict)  # of the newest manager

    def new_manager(self) -> StreamManager:
        """Another process's manager of the same database."""
        manager = StreamManager(
            self.sessions,
            Vault(SECRET_KEY),
            lambda: URLS,
            stand_ins=self.stand_ins,
            credential_memory=CredentialMemory(self.credential_memory_s),
            clock=self.clock,
            wall_clock=self.clock.wall,
            sleep=self.clock.sleep,
        )
        for stream_type in StreamType:
            delivery = self.deliveries[stream_type] = FakeDelivery(stream_type)
            manager.add_delivery(stream_type, delivery)
        return manager

    def secret(self, stream_type: str) -> str:
        return self.stream_key if stream_type == "hls" else self.source_password

    async def go_live(
        self,
        stream_type: str = "hls",
        *,
        source: FakeSource | None = None,
        channel_id: str = "demo",
        secret: str | None = None,
        station: Station = STATION,
    ) -> Broadcast:
        """Connect a source; return the broadcast that it is in."""
        source_input = await self.manager.connect(
            channel_id,
            stream_type,
            self.secret(stream_type) if secret is None else secret,
            source or FakeSource(),
            station,
        )
        broadcast = self.manager.live(channel_id)
        assert broadcast is not None
        assert broadcast.input is source_input
        return broadcast

    async def set(self, channel_id: str = "demo", **settings: object) -> None:
        """Change settings of a channel, by their JSON names; the manager takes them up."""
        await self.catalog.set(channel_id, settings)
        await self.manager.refresh(channel_id)

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


def input_of(broadcast: Broadcast) -> Input:
    """The way in of the source that is connected."""
    assert broadcast.input is not None
    return broadcast.input


def lose(broadcast: Broadcast, now: float) -> None:
    """Let the source disconnect."""
    input_of(broadcast).end(LEFT, now)


def publish_second(broadcast: Broadcast, now: float, track: Track = MP3_TRACK) -> None:
    """Publish about a second of audio at 128 kbit/s."""
    source_input = input_of(broadcast)
    source_input.set_track(track)
    for _ in range(38):
        source_input.publish([Frame(0, 1152, bytes(418))], now)


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
    await radio.manager.close()
