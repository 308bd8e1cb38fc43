"""Writes the ledger behind, in small batches, so that a crowd that comes or goes delays no audio.

An absent database loses nothing before `pending.MAX_PENDING` entries wait.
"""

import asyncio
import logging
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import bindparam, delete, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import class_mapper

from awazpulse.store import (
    DatabaseUnavailable,
    ListeningSession,
    Performance,
    Sessions,
)
from awazpulse.waiting import wait_at_most

from .book import Book
from .pending import Batch, Pending, Row
from .upkeep import HEARTBEAT_S, PURGE_INTERVAL_S, Upkeep

logger = logging.getLogger(__name__)

WRITE_INTERVAL_S = 0.5
BATCH_ROWS = 200  # of one transaction: a few milliseconds of the event loop
MAX_RETRY_S = 10.0

_Table = type[ListeningSession] | type[Performance]


@cache
def _make_insert(table: _Table, dialect: str) -> Any:  # noqa: ANN401  # SQLAlchemy's type says nothing more
    """Return what adds rows. One that is there stays as it is: its commit was thought lost."""
    columns: Any = table.__table__
    if dialect == "sqlite":
        return sqlite.insert(columns).on_conflict_do_nothing()
    from sqlalchemy.dialects import mysql  # noqa: PLC0415  # 1 MB that SQLite does not need

    statement = mysql.insert(columns)
    return statement.on_duplicate_key_update(id=statement.inserted.id)


_COLUMNS: dict[_Table, dict[str, str]] = {  # the columns' names by the attributes'
    table: {
        attribute.key: attribute.columns[0].name for attribute in class_mapper(table).column_attrs
    }
    for table in (ListeningSession, Performance)
}
_DELETES: dict[_Table, Any] = {
    table: delete(table).where(table.id == bindparam("row_id"))
    for table in (ListeningSession, Performance)
}
_ENDS: dict[_Table, Any] = {
    ListeningSession: update(ListeningSession)
    .where(ListeningSession.id == bindparam("row_id"))
    .values(
        ended_ms=bindparam("ended_ms"), bytes=bindparam("last_byte") - ListeningSession.first_byte
    ),
    Performance: update(Performance)
    .where(Performance.id == bindparam("row_id"))
    .values(ended_ms=bindparam("ended_ms")),
}


class LedgerWriter:
    """`start`, then `close`. What is in `book` is written within a second."""

    def __init__(self, sessions: Sessions, book: Book, upkeep: Upkeep) -> None:
        self._sessions = sessions
        self._book = book
        self._upkeep = upkeep
        self._wake = asyncio.Event()
        self._is_closing = asyncio.Event()
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._told_lost = 0
        book.on_pending = self._on_pending

    async def start(self) -> None:
        """Close what a crash has left open, and begin to write. Raises `DatabaseUnavailable`."""
        await self._upkeep.repair()
        self._task = asyncio.get_running_loop().create_task(self._run(), name="ledger")

    async def close(self, timeout_s: float) -> None:
        """Write what is pending, as far as that goes in `timeout_s`, and stop."""
        self._is_closing.set()
        self._wake.set()
        task, self._task = self._task, None
        try:
            async with asyncio.timeout(timeout_s):
                if task is not None:
                    await task
                await self.flush()
        except (DatabaseUnavailable, TimeoutError) as error:
            reason = str(error) or f"no answer in {timeout_s:g} s"
            logger.warning("%d entries of the ledger are lost: %s", self._book.pending, reason)

    async def flush(self) -> None:
        """Write all that is pending now. Raises `DatabaseUnavailable`; it is then still pending."""
        async with self._turn:
            for pending, table in (
                (self._book.sessions, ListeningSession),
                (self._book.performances, Performance),
            ):
                await self._write_all(pending, table)

    def _on_pending(self) -> None:
        if self._book.pending >= BATCH_ROWS:
            self._wake.set()

    async def _run(self) -> None:
        retry_s = WRITE_INTERVAL_S
        loop = asyncio.get_running_loop()
        beat_at = loop.time()
        purge_at = loop.time() + HEARTBEAT_S
        is_away = False
        while not self._is_closing.is_set():
            await wait_at_most(self._wake, WRITE_INTERVAL_S)
            self._wake.clear()
            try:
                await self.flush()
                if self._book.has_open and loop.time() >= beat_at:
                    beat_at = loop.time() + HEARTBEAT_S
                    await self._upkeep.beat(self._book.now_ms())
                if loop.time() >= purge_at:
                    purge_at = loop.time() + PURGE_INTERVAL_S
                    await self._upkeep.purge(self._book.now_ms())
            except DatabaseUnavailable as error:
                if not is_away:
                    logger.warning("the ledger waits: %s", error)
                is_away = True
                await wait_at_most(self._is_closing, retry_s)
                retry_s = min(MAX_RETRY_S, 2 * retry_s)
            except Exception:
                logger.exception("a pass of the ledger failed")
                await wait_at_most(self._is_closing, MAX_RETRY_S)
            else:
                if is_away:
                    logger.info("the ledger is written again")
                retry_s, is_away = WRITE_INTERVAL_S, False
            self._tell_lost()

    def _tell_lost(self) -> None:
        lost = self._book.lost
        if lost > self._told_lost:
            logger.error("%d entries of the ledger are lost: too many wait", lost - self._told_lost)
            self._told_lost = lost

    async def _write_all(self, pending: Pending, table: _Table) -> None:
        while len(pending):
            batch = pending.take(BATCH_ROWS)
            try:
                await self._write(batch, table)
            except BaseException:
                pending.put_back(batch)
                raise

    async def _write(self, batch: Batch, table: _Table) -> None:
        try:
            async with self._sessions.write() as session:
                await _execute(await session.connection(), batch, table)
        except DatabaseUnavailable:
            raise
        except Exception:
            # One row that the database does not take must not hold up the others.
            if len(batch) == 1:
                logger.exception("a row of the ledger cannot be written")
                return
            for part in _split(batch):
                await self._write(part, table)


async def _execute(connection: AsyncConnection, batch: Batch, table: _Table) -> None:
    if batch.starts:
        names = _COLUMNS[table]
        rows = [
            {names[name]: value for name, value in _complete(row).items()}
            for row in batch.starts.values()
        ]
        await connection.execute(_make_insert(table, connection.dialect.name), rows)
    ends = [{"row_id": number, **values} for number, values in batch.ends.items() if values]
    if ends:
        await connection.execute(_ENDS[table], ends)
    none = [{"row_id": number} for number, values in batch.ends.items() if not values]
    if none:
        await connection.execute(_DELETES[table], none)


def _complete(row: Row) -> Row:
    """Return the columns of a new row, which may have ended already."""
    if "last_byte" not in row:
        return row
    whole = {name: value for name, value in row.items() if name != "last_byte"}
    return whole | {"bytes": row["last_byte"] - row["first_byte"]}


def _split(batch: Batch) -> Sequence[Batch]:
    return [Batch(starts={number: row}) for number, row in batch.starts.items()] + [
        Batch(ends={number: values}) for number, values in batch.ends.items()
    ]
