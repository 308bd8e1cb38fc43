"""A channel with its stream rows, as read in one transaction, and the rules of reading them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from awazpulse.store import Channel, Stream, StreamStatus, StreamType
from awazpulse.store.models import DEFAULT_MAX_LISTENERS

from .errors import ChannelDisabled, ChannelInMaintenance, UnknownChannel
from .public_urls import CHANNEL_ID, PublicUrls, mount_point


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """One channel and its streams, oldest first, detached from the database."""

    channel: Channel
    streams: tuple[Stream, ...]

    @property
    def main(self) -> Stream | None:
        """The row that is marked as selected; of several the oldest."""
        return next((s for s in self.streams if s.is_main_stream), None)

    @property
    def selected_type(self) -> StreamType:
        """The type that the owner has selected; HLS while nothing is marked."""
        return (self.main and self.main.stream_type) or StreamType.HLS

    def stream(self, stream_type: StreamType) -> Stream | None:
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
        if not self.channel.is_active or (self.main and self.main.is_active is False):
            raise ChannelDisabled(self.channel.id)
        if self.main and self.main.status is StreamStatus.MAINTENANCE:
            raise ChannelInMaintenance(self.channel.id)


@dataclass(frozen=True, slots=True)
class ActiveStream:
    """The type that a channel is set to, its row, and whether it is on air now."""

    channel_id: str
    stream_type: StreamType
    status: StreamStatus
    is_live: bool
    stream: Stream | None


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


async def load_channels(session: AsyncSession, ids: Sequence[str]) -> dict[str, ChannelRecord]:
    """Read many channels at once, by id; those that do not exist are left out."""
    channels = await session.scalars(select(Channel).where(Channel.id.in_(ids)))
    query = select(Stream).where(Stream.channel_id.in_(ids))
    rows = await session.scalars(query.order_by(Stream.created_at, Stream.id))
    streams: dict[str, list[Stream]] = {}
    for row in rows:
        streams.setdefault(row.channel_id, []).append(row)
    return {c.id: ChannelRecord(c, tuple(streams.get(c.id, ()))) for c in channels}


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
