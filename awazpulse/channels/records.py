"""A channel with its stream rows, as read in one transaction, and the rules of reading them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from awazpulse.kinds import FormatChange, StreamStatus, StreamType, TakeoverPolicy
from awazpulse.refusals import (
    AccountDisabled,
    ChannelDisabled,
    ChannelInMaintenance,
    UnknownChannel,
)
from awazpulse.store import Channel, Stream
from awazpulse.store.models import DEFAULT_MAX_LISTENERS

from .public_urls import CHANNEL_ID, PublicUrls, mount_point


class ChannelPolicy(NamedTuple):
    """What a channel's row says of its being on air; as the columns of these names."""

    id: str
    is_active: bool
    archived_at: datetime | None
    is_owner_active: bool | None
    title_charset: str
    grace_time: int
    takeover: TakeoverPolicy
    format_change: FormatChange
    fallback_after: int
    always_on: bool
    simulcast: bool
    dead_air_level: int
    dead_air_after: int
    dead_air_fallback: bool
    fallback_file: str | None
    fallback_title: str | None
    encrypted_stream_key: str
    encrypted_source_password: str


class StreamPolicy(NamedTuple):
    """What a stream's row says of its being on air; as the columns of these names."""

    stream_type: StreamType | None
    is_main_stream: bool | None
    is_active: bool | None
    status: StreamStatus | None
    max_listeners: int | None


ChannelRow = TypeVar("ChannelRow", Channel, ChannelPolicy)
StreamRow = TypeVar("StreamRow", Stream, StreamPolicy)


@dataclass(frozen=True, slots=True)
class _Record(Generic[ChannelRow, StreamRow]):
    """One channel and its streams, oldest first, detached from the database."""

    channel: ChannelRow
    streams: tuple[StreamRow, ...]

    @property
    def main(self) -> StreamRow | None:
        """The row that is marked as selected; of several the oldest."""
        return next((s for s in self.streams if s.is_main_stream), None)

    @property
    def selected_type(self) -> StreamType:
        """The type that the owner has selected; HLS while nothing is marked."""
        return (self.main and self.main.stream_type) or StreamType.HLS

    def stream(self, stream_type: StreamType) -> StreamRow | None:
        """Return the row of one type: the selected one if there are several, else the oldest."""
        rows = [s for s in self.streams if (s.stream_type or StreamType.HLS) is stream_type]
        return next((s for s in rows if s is self.main), rows[0] if rows else None)

    @property
    def max_listeners(self) -> int:
        """The limit of the selected stream."""
        limit = self.main.max_listeners if self.main else None
        return DEFAULT_MAX_LISTENERS if limit is None else max(0, limit)

    def require_enabled(self) -> None:
        """Raise `ChannelDisabled` unless a source may be on air.

        A stream in `maintenance` takes no source: whoever set that wants silence. `scheduled`
        only announces; the encoder that comes makes it live.
        """
        if self.channel.is_owner_active is False:
            raise AccountDisabled(self.channel.id)
        if self.channel.archived_at is not None:
            raise ChannelDisabled(self.channel.id)
        if not self.channel.is_active or (self.main and self.main.is_active is False):
            raise ChannelDisabled(self.channel.id)
        if self.main and self.main.status is StreamStatus.MAINTENANCE:
            raise ChannelInMaintenance(self.channel.id)


@dataclass(frozen=True, slots=True)
class ChannelRecord(_Record[Channel, Stream]):
    """A channel with its whole rows."""


@dataclass(frozen=True, slots=True)
class PolicyRecord(_Record[ChannelPolicy, StreamPolicy]):
    """What the rows say of its being on air: read every few seconds, at a quarter of the cost."""


@dataclass(frozen=True, slots=True)
class ActiveStream:
    """The type that is on air now, None off air, with its row; and the type that a channel is set to.

    `status` is the live row's, else the selected one's.
    """

    channel_id: str
    active_type: StreamType | None
    selected_type: StreamType
    status: StreamStatus
    stream: Stream | None


@dataclass(frozen=True, slots=True)
class ListenerCounts:
    """How many listen now by each delivery, and how many did at most since the channel went on air."""

    now: dict[StreamType, int]
    peak: dict[StreamType, int]


@dataclass(frozen=True, slots=True)
class SwitchOutcome:
    """The row that is selected now, and whether it was not before."""

    stream: Stream
    is_changed: bool


async def load_channel(
    session: AsyncSession, channel_id: str, *, lock: bool = False
) -> ChannelRecord:
    """Read a channel; `lock` keeps other writers of the channel out until the transaction ends.

    Raises `UnknownChannel`.
    """
    if not CHANNEL_ID.fullmatch(channel_id):
        raise UnknownChannel(channel_id[:64])
    # SQLite leaves FOR UPDATE out: its writers wait for each other at BEGIN IMMEDIATE.
    channel = await session.get(Channel, channel_id, with_for_update=lock)
    if channel is None or channel.id != channel_id:
        raise UnknownChannel(channel_id)
    query = select(Stream).where(Stream.channel_id == channel_id)
    rows = await session.scalars(query.order_by(Stream.created_at, Stream.id))
    return ChannelRecord(channel, tuple(rows))


_STREAM_ID = len(
    ChannelPolicy._fields
)  # its place in a row: between the channel's and the stream's
_SELECT_POLICIES = (
    select(
        *(getattr(Channel, name) for name in ChannelPolicy._fields),
        Stream.id,
        *(getattr(Stream, name) for name in StreamPolicy._fields),
    )
    .outerjoin(Stream, Stream.channel_id == Channel.id)
    .where(Channel.id.in_(bindparam("ids", expanding=True)))
    .order_by(Stream.created_at, Stream.id)
)


async def load_policies(session: AsyncSession, ids: Sequence[str]) -> dict[str, PolicyRecord]:
    """Read what many channels' rows say of their being on air, by id; unknown ids are left out."""
    rows = await session.execute(_SELECT_POLICIES, {"ids": ids})
    found: dict[str, tuple[ChannelPolicy, list[StreamPolicy]]] = {}
    for row in rows:
        if row[0] not in found:
            found[row[0]] = (ChannelPolicy(*row[:_STREAM_ID]), [])
        if row[_STREAM_ID] is not None:
            found[row[0]][1].append(StreamPolicy(*row[_STREAM_ID + 1 :]))
    return {id_: PolicyRecord(channel, tuple(some)) for id_, (channel, some) in found.items()}


async def load_always_on(session: AsyncSession) -> list[str]:
    """Return the ids of the channels that a fallback alone keeps on air."""
    query = select(Channel.id).where(
        Channel.always_on,
        Channel.is_active,
        Channel.archived_at.is_(None),
        Channel.is_owner_active.is_(True),
    )
    return list(await session.scalars(query.where(Channel.fallback_file.is_not(None))))


def new_stream(
    record: ChannelRecord, stream_type: StreamType, urls: PublicUrls, now: datetime
) -> Stream:
    """Make a row of a type that the channel has none of; what people set is its sibling's."""
    channel, sibling = record.channel, next(iter(record.streams), None)
    stream = Stream(
        channel_id=channel.id,
        stream_type=stream_type,
        name=sibling.name if sibling else channel.name,
        description=sibling.description if sibling else channel.description,
        status=StreamStatus.OFFLINE,
        is_main_stream=False,
        created_at=now,
        updated_at=now,
    )
    address_stream(stream, channel.id, urls)
    if sibling:
        for name in ("quality", "bitrate", "max_listeners", "is_active", "backup_stream_url"):
            setattr(stream, name, getattr(sibling, name))
    return stream


def address_stream(stream: Stream, channel_id: str, urls: PublicUrls) -> None:
    """Make the row say where it is played."""
    stream_type = stream.stream_type or StreamType.HLS
    stream.stream_url = urls.playback(channel_id, stream_type)
    if stream_type is StreamType.ICECAST:
        stream.icecast_mount_point = mount_point(channel_id)
