"""The one place that selects a channel's stream type, in one transaction.

The channel's row is locked first, so that two who switch at once, in this process or in another,
come one after the other; the second finds what the first has done.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from awazpulse.kinds import StreamStatus, StreamType
from awazpulse.store import Sessions, Stream, WriteConflict

from .public_urls import PublicUrls
from .records import ChannelRecord, address_stream, load_channel, new_stream
from .row_state import OFF_AIR

ATTEMPTS = 3  # another transaction may be in the way, which is over soon


@dataclass(frozen=True, slots=True)
class LiveUptime:
    """What is on air just now: its row, and the row's total uptime so far in seconds."""

    stream_id: str
    total_uptime_s: int


async def commit_selection(
    sessions: Sessions,
    channel_id: str,
    stream_type: StreamType,
    *,
    urls: PublicUrls,
    live: Sequence[LiveUptime],
    now: datetime,
    on_committed: Callable[[ChannelRecord, bool], None],
) -> ChannelRecord:
    """Make `stream_type` the selected one, its row the only main stream; return the channel.

    The other rows go off air, but for a channel with simulcast, which gets a row of each type. Selecting
    the selected type again writes nothing.

    `on_committed` gets the channel and whether the selection changed. It is called right after the commit,
    with no await in between, and not at all when the transaction fails.

    Raises `UnknownChannel` and `DatabaseUnavailable`.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            async with sessions.write() as session:
                record = await load_channel(session, channel_id, lock=True)
                is_changed = not _is_selected(record, stream_type)
                if is_changed:
                    record = _select(session, record, stream_type, urls, now)
                if not record.channel.simulcast:
                    if is_changed:
                        _stop_others(record, live, now)
                else:
                    record = _complete(session, record, urls, now)
                await session.commit()
                on_committed(record, is_changed)
        except WriteConflict:
            if attempt == ATTEMPTS:
                raise
        else:
            return record
    raise AssertionError("every attempt returns or raises")


def _select(
    session: AsyncSession,
    record: ChannelRecord,
    stream_type: StreamType,
    urls: PublicUrls,
    now: datetime,
) -> ChannelRecord:
    chosen = record.stream(stream_type)
    if chosen is None:
        chosen = new_stream(record, stream_type, urls, now)
        session.add(chosen)
        record = ChannelRecord(record.channel, (*record.streams, chosen))
    address_stream(chosen, record.channel.id, urls)
    for stream in record.streams:
        stream.is_main_stream = stream is chosen
    return record


def _complete(
    session: AsyncSession, record: ChannelRecord, urls: PublicUrls, now: datetime
) -> ChannelRecord:
    """Make the rows of the types that the channel has none of."""
    for stream_type in StreamType:
        if record.stream(stream_type) is None:
            stream = new_stream(record, stream_type, urls, now)
            session.add(stream)
            record = ChannelRecord(record.channel, (*record.streams, stream))
    return record


def _stop_others(record: ChannelRecord, live: Sequence[LiveUptime], now: datetime) -> None:
    uptimes = {entry.stream_id: entry.total_uptime_s for entry in live}
    for stream in record.streams:
        if not stream.is_main_stream:
            _stop(stream, uptimes.get(stream.id), now)


def _is_selected(record: ChannelRecord, stream_type: StreamType) -> bool:
    marked = [stream for stream in record.streams if stream.is_main_stream]
    return len(marked) == 1 and marked[0].stream_type is stream_type


def _stop(stream: Stream, total_uptime_s: int | None, now: datetime) -> None:
    for name, value in OFF_AIR.items():
        setattr(stream, name, value)
    if stream.status is StreamStatus.LIVE:
        stream.status = StreamStatus.OFFLINE
    if total_uptime_s is not None:
        stream.last_online_at = now
        stream.total_uptime = max(stream.total_uptime or 0, total_uptime_s)
