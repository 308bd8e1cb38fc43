"""The tables: `users`, `refresh_tokens`, `channels`, `streams`, `webhooks`, and the ledger's.

Column names are camelCase, for other programs read and write these tables; attributes are
snake_case. Times are naive UTC, whole seconds. What other programs may leave NULL (every column of
`streams` that the schema does not forbid) is typed so.

Identifiers and e-mail addresses compare by bytes on MySQL; SQLite ignores the case of ASCII in channel
ids, so whoever looks up a channel compares the id again. E-mail addresses are stored as
`channels.accounts.normalize_email` makes them.
"""

import uuid
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedColumn,
    column_property,
    mapped_column,
)

from awazpulse.kinds import (
    FormatChange,
    Quality,
    Role,
    StreamStatus,
    StreamType,
    TakeoverPolicy,
)

from .columns import UtcTimestamp, identifier, str_enum_column_type

DEFAULT_MAX_LISTENERS = 1000
DEFAULT_MAX_CHANNELS = 10
DEFAULT_GRACE_TIME_S = 30
DEFAULT_FALLBACK_AFTER_S = 5
DEFAULT_DEAD_AIR_LEVEL_DBFS = -50
DEFAULT_DEAD_AIR_AFTER_S = 20


def utc_now() -> datetime:
    """Return the present time as the tables hold it: naive UTC, whole seconds."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def new_id() -> str:
    """Return a random id for a row."""
    return str(uuid.uuid4())


class Base(DeclarativeBase):
    """The root of the tables."""


class _Timestamps:
    created_at: Mapped[datetime] = mapped_column(
        "createdAt", default=utc_now, server_default=UtcTimestamp(), sort_order=98
    )
    updated_at: Mapped[datetime] = mapped_column(
        "updatedAt", default=utc_now, onupdate=utc_now, server_default=UtcTimestamp(), sort_order=99
    )


def _number(name: str, default: int) -> MappedColumn[int]:
    return mapped_column(name, default=default, server_default=sa.text(str(default)))


def _switch(name: str) -> MappedColumn[bool]:
    return mapped_column(name, default=False, server_default=sa.false())


class User(_Timestamps, Base):
    """Someone who can sign in.

    `max_listeners` bounds the setting of the same name of each of the user's channels. Tokens that
    were issued before `tokens_not_before` open nothing.
    """

    __tablename__ = "users"
    __table_args__ = (sa.UniqueConstraint("email", name="uq_users_email"),)

    id: Mapped[str] = mapped_column(identifier(36), primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(identifier(255, nocase=True))
    password_hash: Mapped[str] = mapped_column("passwordHash", sa.String(255))
    role: Mapped[Role] = mapped_column(
        str_enum_column_type("user_role", Role),
        default=Role.STATION_OWNER,
        server_default=Role.STATION_OWNER.value,
    )
    is_active: Mapped[bool] = mapped_column("isActive", default=True, server_default=sa.true())
    max_channels: Mapped[int] = _number("maxChannels", DEFAULT_MAX_CHANNELS)
    max_listeners: Mapped[int | None] = mapped_column("maxListeners")
    tokens_not_before: Mapped[datetime | None] = mapped_column("tokensNotBefore")


class RefreshToken(Base):
    """One link of a sign-in's chain of refresh tokens. `channels.sign_ins` says how they are used."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        sa.Index("idx_refresh_sign_in", "signInId"),
        sa.Index("idx_refresh_user", "userId"),
    )

    id: Mapped[str] = mapped_column(identifier(36), primary_key=True, default=new_id)
    sign_in_id: Mapped[str] = mapped_column("signInId", identifier(36))
    user_id: Mapped[str] = mapped_column(
        "userId",
        identifier(36),
        sa.ForeignKey("users.id", name="fk_refresh_user", ondelete="CASCADE"),
    )
    secret_hash: Mapped[str] = mapped_column("secretHash", sa.String(64))
    created_at: Mapped[datetime] = mapped_column("createdAt", default=utc_now)
    expires_at: Mapped[datetime] = mapped_column("expiresAt")
    used_at: Mapped[datetime | None] = mapped_column("usedAt")


class Channel(_Timestamps, Base):
    """What an owner runs. Its secrets are encrypted by `awazpulse.channels.secrets`.

    `channel_settings` says what the settings do; times are seconds, levels dBFS. `fallback_file` is
    a path below the data folder (an upload, ours to delete) or an absolute one (the operator's).
    """

    __tablename__ = "channels"
    __table_args__ = (sa.Index("idx_channel_owner", "ownerId"),)

    id: Mapped[str] = mapped_column(identifier(36, nocase=True), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str | None] = mapped_column(sa.Text)
    owner_id: Mapped[str] = mapped_column(
        "ownerId", identifier(36), sa.ForeignKey("users.id", name="fk_channels_owner")
    )
    encrypted_stream_key: Mapped[str] = mapped_column("encryptedStreamKey", sa.String(255))
    encrypted_source_password: Mapped[str] = mapped_column(
        "encryptedSourcePassword", sa.String(255)
    )
    title_charset: Mapped[str] = mapped_column(
        "titleCharset", sa.String(20), default="latin-1", server_default="latin-1"
    )
    is_active: Mapped[bool] = mapped_column("isActive", default=True, server_default=sa.true())
    archived_at: Mapped[datetime | None] = mapped_column("archivedAt")
    is_owner_active: Mapped[bool | None] = column_property(
        sa.select(User.is_active).where(User.id == owner_id).scalar_subquery()
    )
    grace_time: Mapped[int] = _number("graceTime", DEFAULT_GRACE_TIME_S)
    takeover: Mapped[TakeoverPolicy] = mapped_column(
        str_enum_column_type("channel_takeover", TakeoverPolicy),
        default=TakeoverPolicy.TAKEOVER,
        server_default=TakeoverPolicy.TAKEOVER.value,
    )
    format_change: Mapped[FormatChange] = mapped_column(
        "formatChange",
        str_enum_column_type("channel_format_change", FormatChange),
        default=FormatChange.CONTINUE,
        server_default=FormatChange.CONTINUE.value,
    )
    fallback_after: Mapped[int] = _number("fallbackAfter", DEFAULT_FALLBACK_AFTER_S)
    always_on: Mapped[bool] = _switch("alwaysOn")
    simulcast: Mapped[bool] = _switch("simulcast")
    dead_air_level: Mapped[int] = _number("deadAirLevel", DEFAULT_DEAD_AIR_LEVEL_DBFS)
    dead_air_after: Mapped[int] = _number("deadAirAfter", DEFAULT_DEAD_AIR_AFTER_S)
    dead_air_fallback: Mapped[bool] = _switch("deadAirFallback")
    show_listeners: Mapped[bool] = _switch("showListeners")
    fallback_file: Mapped[str | None] = mapped_column("fallbackFile", sa.String(255))
    fallback_title: Mapped[str | None] = mapped_column("fallbackTitle", sa.String(255))


class Stream(_Timestamps, Base):
    """One delivery type of a channel, with its status."""

    __tablename__ = "streams"
    __table_args__ = (
        sa.Index("idx_channel_type", "channelId", "streamType"),
        sa.Index("idx_status", "status"),
    )

    id: Mapped[str] = mapped_column(identifier(36), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str | None] = mapped_column(sa.Text)
    stream_url: Mapped[str] = mapped_column("streamUrl", sa.String(255))
    backup_stream_url: Mapped[str | None] = mapped_column("backupStreamUrl", sa.String(255))
    stream_type: Mapped[StreamType | None] = mapped_column(
        "streamType",
        str_enum_column_type("stream_type", StreamType),
        default=StreamType.HLS,
        server_default=StreamType.HLS.value,
    )
    icecast_mount_point: Mapped[str | None] = mapped_column("icecastMountPoint", sa.String(255))
    status: Mapped[StreamStatus | None] = mapped_column(
        str_enum_column_type("stream_status", StreamStatus),
        default=StreamStatus.OFFLINE,
        server_default=StreamStatus.OFFLINE.value,
    )
    quality: Mapped[Quality | None] = mapped_column(
        str_enum_column_type("stream_quality", Quality),
        default=Quality.MEDIUM,
        server_default=Quality.MEDIUM.value,
    )
    bitrate: Mapped[int | None] = mapped_column(default=128, server_default=sa.text("128"))
    format: Mapped[str | None] = mapped_column(sa.String(50), default="mp3", server_default="mp3")
    current_listeners: Mapped[int | None] = mapped_column(
        "currentListeners", default=0, server_default=sa.text("0")
    )
    max_listeners: Mapped[int | None] = mapped_column(
        "maxListeners",
        default=DEFAULT_MAX_LISTENERS,
        server_default=sa.text(str(DEFAULT_MAX_LISTENERS)),
    )
    is_active: Mapped[bool | None] = mapped_column(
        "isActive", default=True, server_default=sa.true()
    )
    is_main_stream: Mapped[bool | None] = mapped_column(
        "isMainStream", default=False, server_default=sa.false()
    )
    last_online_at: Mapped[datetime | None] = mapped_column("lastOnlineAt")
    total_uptime: Mapped[int | None] = mapped_column(
        "totalUptime", default=0, server_default=sa.text("0")
    )
    current_show_id: Mapped[str | None] = mapped_column("currentShowId", sa.String(36))
    current_track: Mapped[str | None] = mapped_column("currentTrack", sa.String(255))
    current_artist: Mapped[str | None] = mapped_column("currentArtist", sa.String(255))
    extra: Mapped[dict[str, Any] | None] = mapped_column("metadata", sa.JSON(none_as_null=True))
    channel_id: Mapped[str] = mapped_column(
        "channelId",
        identifier(36, nocase=True),
        sa.ForeignKey("channels.id", name="fk_streams_channel"),
    )


class Webhook(Base):
    """Where a channel's events are sent. `events` are their names, by spaces; empty: all of them."""

    __tablename__ = "webhooks"
    __table_args__ = (sa.Index("idx_webhook_channel", "channelId"),)

    id: Mapped[str] = mapped_column(identifier(36), primary_key=True, default=new_id)
    channel_id: Mapped[str] = mapped_column(
        "channelId",
        identifier(36, nocase=True),
        sa.ForeignKey("channels.id", name="fk_webhooks_channel", ondelete="CASCADE"),
    )
    url: Mapped[str] = mapped_column(sa.String(2000))
    encrypted_secret: Mapped[str] = mapped_column("encryptedSecret", sa.String(255))
    events: Mapped[str] = mapped_column(sa.String(500))
    is_active: Mapped[bool] = mapped_column("isActive", default=True, server_default=sa.true())
    created_at: Mapped[datetime] = mapped_column("createdAt", default=utc_now)


class WebhookDelivery(Base):
    """One event on its way to one webhook. Times are milliseconds since 1970.

    `due_ms` is when it is tried next, NULL once it is delivered or given up. `last_answer` says what the
    last try met.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        sa.Index("idx_delivery_due", "dueMs"),
        sa.Index("idx_delivery_webhook", "webhookId", "createdMs"),
    )

    id: Mapped[str] = mapped_column(identifier(36), primary_key=True, default=new_id)
    webhook_id: Mapped[str] = mapped_column(
        "webhookId",
        identifier(36),
        sa.ForeignKey("webhooks.id", name="fk_deliveries_webhook", ondelete="CASCADE"),
    )
    event: Mapped[str] = mapped_column(sa.String(30))
    body: Mapped[str] = mapped_column(sa.Text)
    created_ms: Mapped[int] = mapped_column("createdMs", sa.BigInteger)
    due_ms: Mapped[int | None] = mapped_column("dueMs", sa.BigInteger)
    attempts: Mapped[int] = mapped_column(default=0)
    delivered_ms: Mapped[int | None] = mapped_column("deliveredMs", sa.BigInteger)
    last_answer: Mapped[str | None] = mapped_column("lastAnswer", sa.String(255))


def _number_column() -> sa.types.TypeEngine[int]:
    """Return a BIGINT, which as SQLite's primary key must be called INTEGER to be the row's own number."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class ListeningSession(Base):
    """One listener from coming to going. `awazpulse.ledger` says how its number is made.

    Times are milliseconds since 1970. `ended_ms` is NULL while the listener is there; `bytes` also where
    the server was killed meanwhile. `first_byte` is where it began in the byte sequence it was sent.
    """

    __tablename__ = "listening_sessions"
    __table_args__ = (
        sa.Index("idx_session_start", "channelId", "startedMs"),
        sa.Index("idx_session_end", "channelId", "endedMs"),
    )

    id: Mapped[int] = mapped_column(_number_column(), primary_key=True, autoincrement=False)
    channel_id: Mapped[str] = mapped_column("channelId", identifier(36, nocase=True))
    stream_type: Mapped[str] = mapped_column("streamType", sa.String(10))
    started_ms: Mapped[int] = mapped_column("startedMs", sa.BigInteger)
    ended_ms: Mapped[int | None] = mapped_column("endedMs", sa.BigInteger)
    bytes: Mapped[int | None] = mapped_column(sa.BigInteger)
    first_byte: Mapped[int] = mapped_column("firstByte", sa.BigInteger)
    user_agent: Mapped[str] = mapped_column("userAgent", sa.String(255))
    address: Mapped[str] = mapped_column(sa.String(45))
    country: Mapped[str | None] = mapped_column(sa.String(2))


class Performance(Base):
    """One title from its beginning to its end, which is NULL while it plays. Numbered as sessions are."""

    __tablename__ = "performances"
    __table_args__ = (
        sa.Index("idx_performance_start", "channelId", "startedMs"),
        sa.Index("idx_performance_end", "channelId", "endedMs"),
    )

    id: Mapped[int] = mapped_column(_number_column(), primary_key=True, autoincrement=False)
    channel_id: Mapped[str] = mapped_column("channelId", identifier(36, nocase=True))
    stream_type: Mapped[str] = mapped_column("streamType", sa.String(10))
    started_ms: Mapped[int] = mapped_column("startedMs", sa.BigInteger)
    ended_ms: Mapped[int | None] = mapped_column("endedMs", sa.BigInteger)
    title: Mapped[str] = mapped_column(sa.String(255))
    artist: Mapped[str] = mapped_column(sa.String(255))
    track: Mapped[str] = mapped_column(sa.String(255))


class LedgerClock(Base):
    """One row, which says when the server was last alive: what a crash has left open ended then."""

    __tablename__ = "ledger_clock"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    alive_ms: Mapped[int] = mapped_column("aliveMs", sa.BigInteger)
