"""The one place that selects a channel's stream type, in one transaction.

The channel's row is locked first, so that two who switch at once, in this process or in another,
come one after the other; the second finds what the first has done.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from awazpulse.kinds import StreamStatus, StreamType
from awazpulse.store import Sessions, Stream, WriteConflict

from .public_urls import PublicUrls
from .records import (
    ChannelRecord,
    address_stream,
    load_channel,
    new_stream,
)

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
    live: LiveUptime | None,
    now: datetime,
    on_committed: Callable[[bool], None],
) -> ChannelRecord:
    """Make `stream_type` the selected one, its row the only main stream; return the channel.

    The other rows go off air. Selecting the selected type again writes nothing. `on_committed` is
    called with whether anything changed, with no await since the commit; when the transaction
    fails it is not called. Raises `UnknownChannel`, `DatabaseUnavailable`.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            async with sessions.write() as session:
                record = await load_channel(session, channel_id, lock=True)
                is_changed = not _is_selected(record, stream_type)
                if is_changed:
                    record = _select(session, record, stream_type, urls, now)
                    _stop_others(record, live, now)
                await session.commit()
                on_committed(is_changed)
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


def _stop_others(record: ChannelRecord, live: LiveUptime | None, now: datetime) -> None:
    for stream in record.streams:
        if not stream.is_main_stream:
            _stop(stream, live, now)


def _is_selected(record: ChannelRecord, stream_type: StreamType) -> bool:
    marked = [stream for stream in record.streams if stream.is_main_stream]
    return len(marked) == 1 and marked[0].stream_type is stream_type


def _stop(stream: Stream, live: LiveUptime | None, now: datetime) -> None:
    stream.current_listeners = 0
    stream.current_track = stream.current_artist = None
    if stream.status is StreamStatus.LIVE:
        stream.status = StreamStatus.OFFLINE
    if live is not None and live.stream_id == stream.id:
        stream.last_online_at = now
        stream.total_uptime = max(stream.total_uptime or 0, live.total_uptime_s)
