"""Makes the rows true before anything is on air: what a crash has left behind."""

from sqlalchemy import case, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from awazpulse.kinds import StreamStatus
from awazpulse.store import Stream

from .public_urls import PublicUrls
from .records import address_stream
from .row_state import OFF_AIR


async def repair_rows(session: AsyncSession, urls: PublicUrls) -> None:
    """Take every row off air and let it say where this server plays it.

    totalUptime is not touched: it was written every `UPTIME_STEP_S` while on air, and when the
    crash came nobody knows.
    """
    is_live = Stream.status == StreamStatus.LIVE
    await session.execute(
        update(Stream)
        .where(or_(is_live, Stream.current_listeners != 0))
        .values(
            status=case((is_live, StreamStatus.OFFLINE), else_=Stream.status),
            **OFF_AIR,
        )
    )
    await address_rows(session, urls)


async def address_rows(session: AsyncSession, urls: PublicUrls) -> None:
    """Have every row say where this server plays it."""
    for stream in await session.scalars(select(Stream)):
        address_stream(stream, stream.channel_id, urls)
