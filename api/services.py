"""What the API needs of the server, as narrow as it needs it. The application hands it in."""

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from awazpulse.channels.access import Identity
from awazpulse.channels.credentials import ChannelCredentials, HlsCredentials, IcecastCredentials
from awazpulse.channels.diagnosis import Report as DiagnosisReport
from awazpulse.channels.fallback_files import FallbackInfo
from awazpulse.channels.issuer_tokens import IssuerClaims
from awazpulse.channels.levels import LevelReport
from awazpulse.channels.public_view import PublicChannel
from awazpulse.channels.records import (
    ActiveStream,
    ChannelRecord,
    ListenerCounts,
    SwitchOutcome,
)
from awazpulse.channels.sign_ins import SignIn
from awazpulse.channels.tokens import AccessToken, InternalAction
from awazpulse.events.hub import EventHub
from awazpulse.kinds import MetricsAccess, StreamType
from awazpulse.ledger.reader import Report
from awazpulse.ledger.reports import Span
from awazpulse.relay import Title
from awazpulse.store import Channel, ListeningSession, Performance, Stream, User
from awazpulse.webhooks.catalog import WebhookCatalog

from .event_clients import EventClients


class Streams(Protocol):
    """Switches channels and knows what is on air."""

    async def switch(self, channel_id: str, stream_type: str) -> SwitchOutcome:
        """Select the channel's stream type."""

    def describe_active(self, record: ChannelRecord) -> ActiveStream:
        """Return what is on air with its row, and the selected type."""

    async def get_streams(self, channel_id: str) -> list[Stream]:
        """Return the channel's rows."""

    def stop(self, channel_id: str, who: str) -> bool:
        """End what is on air; say whether anything was. `who` is told to everyone as the cause."""

    def set_title(self, channel_id: str, artist: str, track: str, url: str) -> Title:
        """Say what plays now; return it as listeners are shown it. Raises `OffAir`."""

    def count_listeners(self, channel_id: str) -> ListenerCounts:
        """Return how many listen to a channel now."""

    async def refresh(self, channel_id: str) -> None:
        """Hold what is on air to what the channel's rows say now."""


class LevelReports(Protocol):
    """Knows how loud channels are."""

    def report(self, channel_id: str) -> LevelReport:
        """Return what is known now; while somebody asks it is new once a second."""


class DiagnosisReports(Protocol):
    """Knows what has happened to channels."""

    def report(self, channel_id: str) -> DiagnosisReport:
        """Return what is known of a channel now."""


class Ledger(Protocol):
    """Knows who listened and what played. All raise `ServiceUnavailable`."""

    def now_ms(self) -> int:
        """Return the present time in milliseconds since 1970."""

    async def list_open(self, channel_id: str, limit: int) -> list[ListeningSession]:
        """Return the sessions that go on, the newest first."""

    async def list_sessions(
        self, channel_id: str, span: Span, before: int | None, limit: int
    ) -> list[ListeningSession]:
        """Return sessions that began within `span`, the newest first, those before number `before`."""

    async def list_performances(
        self, channel_id: str, span: Span, before: int | None, limit: int
    ) -> list[Performance]:
        """Return titles that began within `span`, the newest first, those before number `before`."""

    def iterate_sessions(
        self, channel_id: str, span: Span
    ) -> AsyncIterator[list[ListeningSession]]:
        """Yield all sessions that began within `span`, the newest first, some at a time."""

    def iterate_performances(self, channel_id: str, span: Span) -> AsyncIterator[list[Performance]]:
        """Yield all titles that began within `span`, the newest first, some at a time."""

    async def report(self, channel_id: str, span: Span, bucket_ms: int | None = None) -> Report:
        """Return how much the channel was listened to. Raises `InvalidValue` for too long a span."""


class Public(Protocol):
    """Knows what everybody may know of channels."""

    async def get(self, channel_id: str) -> PublicChannel:
        """Return a channel as it is now. Raises `UnknownChannel`, `ServiceUnavailable`."""

    def peek(self, channel_id: str) -> PublicChannel | None:
        """Return a channel as it is now, without asking the database; None if that is needed."""

    def forget(self, channel_id: str) -> None:
        """Read the channel anew when it is next asked for: its row has changed."""


class Channels(Protocol):
    """Reads and writes channels."""

    async def list_ids(self, owner_id: str) -> list[str]:
        """Return the ids of all channels of an owner that are not put away."""

    async def list_page(
        self, after: str, limit: int, *, owner_id: str | None = None, archived: bool = False
    ) -> list[Channel]:
        """Return channels by id, those after the id `after`."""

    async def provision(
        self, channel_id: str, owner_id: str, settings: Mapping[str, object]
    ) -> tuple[ChannelRecord, bool]:
        """Make a channel, which may be there already; say whether it is new."""

    async def set_within_limits(
        self, channel_id: str, settings: Mapping[str, object]
    ) -> ChannelRecord:
        """Change settings by their JSON names."""

    async def archive(self, channel_id: str, *, is_archived: bool) -> ChannelRecord:
        """Put a channel away, or get it back."""

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

    async def identify(self, claimed: Identity) -> User:
        """Return the user of a token as they are now. Raises `InvalidToken`."""

    def forget_identities(self) -> None:
        """Ask the database again who is who: something has changed."""

    async def find_claimed(self, claimed: str) -> User:
        """Return the user whom another issuer names. Raises `InvalidToken`."""

    async def get(self, user_id: str) -> User:
        """Return a user by id. Raises `UnknownUser`."""

    async def list_page(self, after: str, limit: int) -> list[User]:
        """Return users by id, those after the id `after`."""

    async def provision(
        self, user_id: str | None, email: str, password: str, settings: Mapping[str, object]
    ) -> tuple[User, bool]:
        """Make a user, who may be there already; say whether they are new."""

    async def change(self, user_id: str, values: Mapping[str, object]) -> User:
        """Change a user."""

    async def change_password(self, user_id: str, present: str, new: str, address: str) -> User:
        """Change a user's own password."""

    async def set_password(self, email: str, password: str) -> User:
        """Give a user another password."""


class SignInKeeper(Protocol):
    """Keeps people signed in."""

    async def begin(self, user: User) -> SignIn:
        """Sign in a user whose password was right."""

    async def refresh(self, refresh_token: str) -> SignIn:
        """Use a refresh token. Raises `InvalidToken`."""

    async def end(self, refresh_token: str) -> None:
        """Sign out."""


class TokenKeeper(Protocol):
    """Makes and verifies tokens. What it verifies raises `InvalidToken`."""

    def issue(self, user: User, sign_in_id: str | None = None) -> AccessToken:
        """Return a token for a user who has signed in."""

    def verify(self, text: str) -> Identity:
        """Return whose token this is."""

    def verify_internal(self, text: str, channel_id: str, action: InternalAction) -> None:
        """Raise unless this is the command line's token for this action on this channel."""


class Issuer(Protocol):
    """Verifies the tokens of another issuer, if the operator has set one."""

    def is_for_issuer(self, text: str) -> bool:
        """Whether a token is to be verified here, and not by `TokenKeeper`."""

    async def verify(self, text: str) -> IssuerClaims:
        """Return whose token this is. Raises `InvalidToken`, `ServiceUnavailable`."""


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


class Readiness(Protocol):
    """Knows whether the server can do all of its work."""

    @property
    def is_draining(self) -> bool:
        """Whether nobody new is taken any more."""

    def list_missing(self) -> list[str]:
        """Return what is missing, each as a part of a sentence."""


class Metrics(Protocol):
    """Knows the server's figures."""

    @property
    def access(self) -> MetricsAccess:
        """Who may read them."""

    async def render(self, accept: str) -> tuple[bytes, str]:
        """Return them as Prometheus reads them, with their content type; `accept` is the request's header."""


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
    sign_ins: SignInKeeper
    tokens: TokenKeeper
    database: Pingable
    fallbacks: Fallbacks
    levels: LevelReports
    diagnosis: DiagnosisReports
    ledger: Ledger
    public: Public
    events: EventHub
    event_clients: EventClients
    webhooks: WebhookCatalog
    readiness: Readiness
    metrics: Metrics
    issuer: Issuer | None = None
