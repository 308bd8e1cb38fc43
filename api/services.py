"""What the API needs of the server, as narrow as it needs it. The application hands it in."""

from collections.abc import AsyncIterable
from dataclasses import dataclass
from typing import Protocol

from awazpulse.channels.access import Identity
from awazpulse.channels.credentials import ChannelCredentials, HlsCredentials, IcecastCredentials
from awazpulse.channels.fallback_files import FallbackInfo
from awazpulse.channels.levels import LevelReport
from awazpulse.channels.records import ActiveStream, ChannelRecord, SwitchOutcome
from awazpulse.channels.tokens import AccessToken, InternalAction
from awazpulse.kinds import StreamType
from awazpulse.relay import Title
from awazpulse.store import Channel, Stream, User


class Streams(Protocol):
    """Switches channels and knows what is on air."""

    async def switch(self, channel_id: str, stream_type: str) -> SwitchOutcome:
        """Select the channel's stream type."""

    async def get_active_stream(self, channel_id: str) -> ActiveStream:
        """Return what is on air with its row, and the selected type."""

    async def get_streams(self, channel_id: str) -> list[Stream]:
        """Return the channel's rows."""

    def stop(self, channel_id: str, who: str) -> bool:
        """End what is on air; say whether anything was. `who` is told to everyone as the cause."""

    def set_title(self, channel_id: str, artist: str, track: str, url: str) -> Title:
        """Say what plays now; return it as listeners are shown it. Raises `OffAir`."""

    async def refresh(self, channel_id: str) -> None:
        """Hold what is on air to what the channel's rows say now."""


class LevelReports(Protocol):
    """Knows how loud channels are."""

    def report(self, channel_id: str) -> LevelReport:
        """Return what is known now; while somebody asks it is new once a second."""


class Channels(Protocol):
    """Reads channels."""

    async def get(self, channel_id: str) -> ChannelRecord:
        """Return a channel. Raises `UnknownChannel`."""

    async def rotate(
        self, channel_id: str, stream_type: StreamType
    ) -> HlsCredentials | IcecastCredentials:
        """Make the secret of a type anew; return what encoders must be told now."""

    def read_credentials(self, channel: Channel) -> ChannelCredentials:
        """Return what encoders must be told."""


class Users(Protocol):
    """Signs people in."""

    async def authenticate(self, email: str, password: str, address: str) -> User:
        """Return the user whose login this is. Raises `WrongLogin`."""

    async def get(self, user_id: str) -> User:
        """Return a user by id. Raises `UnknownUser`."""


class TokenKeeper(Protocol):
    """Makes and verifies tokens. What it verifies raises `InvalidToken`."""

    def issue(self, user: User) -> AccessToken:
        """Return a token for a user who has signed in."""

    def verify(self, text: str) -> Identity:
        """Return whose token this is."""

    def verify_internal(self, text: str, channel_id: str, action: InternalAction) -> None:
        """Raise unless this is the command line's token for this action on this channel."""


class Fallbacks(Protocol):
    """Keeps channels' fallback files. All of it raises `UnknownChannel`."""

    @property
    def max_bytes(self) -> int:
        """How large a file may be."""

    async def get(self, channel_id: str) -> FallbackInfo | None:
        """Return a channel's fallback."""

    async def store(
        self,
        channel_id: str,
        blocks: AsyncIterable[bytes],
        *,
        suffix: str,
        title: str,
        untitled: str,
    ) -> FallbackInfo:
        """Make a file the channel's fallback, or change nothing and raise why."""

    async def remove(self, channel_id: str) -> None:
        """Leave the channel without a fallback."""


class Pingable(Protocol):
    """The database, as far as its health goes."""

    async def ping(self) -> None:
        """Raise `DatabaseUnavailable` unless it answers."""


@dataclass(frozen=True, slots=True)
class Services:
    """All of them."""

    streams: Streams
    channels: Channels
    users: Users
    tokens: TokenKeeper
    database: Pingable
    fallbacks: Fallbacks
    levels: LevelReports
