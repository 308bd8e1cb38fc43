"""Keeps the ledger's tables in order: what a crash leaves open is closed, what is old is deleted."""

import logging
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from awazpulse.store import Channel, LedgerClock, ListeningSession, Performance, Sessions

from .book import MIN_SESSION_S
from .numbers import first_number_at

logger = logging.getLogger(__name__)

HEARTBEAT_S = 2.0  # how often it is noted that the server is alive
PURGE_INTERVAL_S = 3600.0
PURGE_ROWS = 1000  # of one transaction: others wait for its locks
DAY_MS = 24 * 3600 * 1000
_THE_ROW = 1


class Upkeep:
    """`days` is how long rows are kept; 0 is for ever."""

    def __init__(self, sessions: Sessions, days: int) -> None:
        self._sessions = sessions
        self.days = days  # may be changed at any time

    async def repair(self) -> None:
        """End what a crash has left open at the time when the server was last alive.

        Raises `DatabaseUnavailable`.
        """
        async with self._sessions.write() as session:
            alive_ms = await session.scalar(select(LedgerClock.alive_ms))
            if alive_ms is None:
                return
            channels = [
                {"channel": channel} for channel in await session.scalars(select(Channel.id))
            ]
            if not channels:
                return
            connection = await session.connection()
            for statement in _list_repairs(alive_ms):
                await connection.execute(statement, channels)

    async def beat(self, now_ms: int) -> None:
        """Note that the server is alive. Raises `DatabaseUnavailable`."""
        async with self._sessions.write() as session:
            found: Any = await session.execute(
                update(LedgerClock).where(LedgerClock.id == _THE_ROW).values(alive_ms=now_ms)
            )
            if found.rowcount == 0 and await session.get(LedgerClock, _THE_ROW) is None:
                await session.execute(insert(LedgerClock).values(id=_THE_ROW, alive_ms=now_ms))

    async def purge(self, now_ms: int) -> int:
        """Delete what is too old; return how many rows that were. Raises `DatabaseUnavailable`."""
        if not self.days:
            return 0
        limit = first_number_at(now_ms - self.days * DAY_MS)
        deleted = 0
        for table in (ListeningSession, Performance):
            while count := await self._purge_some(table, limit):
                deleted += count
        if deleted:
            logger.info(
                "deleted %d rows of the ledger that were over %d days old", deleted, self.days
            )
        return deleted

    async def _purge_some(
        self, table: type[ListeningSession] | type[Performance], limit: int
    ) -> int:
        async with self._sessions.write() as session:
            has_ended = table.ended_ms.is_not(None)
            old = select(table.id).where(table.id < limit, has_ended)
            numbers = list(await session.scalars(old.order_by(table.id).limit(PURGE_ROWS)))
            if numbers:
                await session.execute(delete(table).where(table.id <= numbers[-1], has_ended))
            return len(numbers)


def _list_repairs(alive_ms: int) -> list[Any]:
    """Return the statements for each channel, by whose index the open rows are found."""
    shortest_ms: dict[type[ListeningSession | Performance], int] = {
        ListeningSession: int(MIN_SESSION_S * 1000),
        Performance: 0,
    }
    statements: list[Any] = []
    for table, least_ms in shortest_ms.items():
        is_open = (table.channel_id == bindparam("channel")) & table.ended_ms.is_(None)
        statements += [
            delete(table).where(is_open, table.started_ms > alive_ms - least_ms),
            update(table).where(is_open).values(ended_ms=alive_ms),
        ]
    return statements
