"""Answers from the ledger's tables. Raises `ServiceUnavailable` where the database is away."""

import asyncio
from array import array
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Select, select, tuple_

from awazpulse.channels.availability import refusing_when_away
from awazpulse.refusals import InvalidValue
from awazpulse.store import ListeningSession, Performance, Sessions

from .reports import Attendance, Bucket, Performed, Play, Span, count_performances

CHUNK_ROWS = 1000  # of one query: more would hold the event loop for over 5 ms
MAX_SESSIONS = 2_000_000  # of one report: 32 MB, and ten seconds
MAX_BUCKETS = 10_000


@dataclass(frozen=True, slots=True)
class Report:
    """How much a channel was listened to in a span. `peak_ms` is None where nobody listened."""

    sessions: int
    hours: float
    peak: int
    peak_ms: int | None
    buckets: list[Bucket]
    performances: list[Performed]


class LedgerReader:
    """`now_ms` tells the present time: until then what is open has lasted."""

    def __init__(self, sessions: Sessions, now_ms: Callable[[], int]) -> None:
        self._sessions = sessions
        self.now_ms = now_ms

    async def list_open(self, channel_id: str, limit: int) -> list[ListeningSession]:
        """Return the sessions that go on, the newest first."""
        query = (
            select(ListeningSession)
            .where(ListeningSession.channel_id == channel_id, ListeningSession.ended_ms.is_(None))
            .order_by(ListeningSession.id.desc())
            .limit(limit)
        )
        return await self._list(query)

    async def list_sessions(
        self, channel_id: str, span: Span, before: int | None, limit: int
    ) -> list[ListeningSession]:
        """Return sessions that began within `span`, the newest first, those before number `before`."""
        return await self._list(_select_page(ListeningSession, channel_id, span, before, limit))

    async def list_performances(
        self, channel_id: str, span: Span, before: int | None, limit: int
    ) -> list[Performance]:
        """Return titles that began within `span`, the newest first, those before number `before`."""
        return await self._list(_select_page(Performance, channel_id, span, before, limit))

    async def iterate_sessions(
        self, channel_id: str, span: Span
    ) -> AsyncIterator[list[ListeningSession]]:
        """Yield all sessions that began within `span`, the newest first, some at a time."""
        before = None
        while True:
            found = await self.list_sessions(channel_id, span, before, CHUNK_ROWS)
            if found:
                yield found
            if len(found) < CHUNK_ROWS:
                return
            before = found[-1].id

    async def iterate_performances(
        self, channel_id: str, span: Span
    ) -> AsyncIterator[list[Performance]]:
        """Yield all titles that began within `span`, the newest first, some at a time."""
        before = None
        while True:
            found = await self.list_performances(channel_id, span, before, CHUNK_ROWS)
            if found:
                yield found
            if len(found) < CHUNK_ROWS:
                return
            before = found[-1].id

    async def report(self, channel_id: str, span: Span, bucket_ms: int | None = None) -> Report:
        """Return how much the channel was listened to. Raises `InvalidValue` for too long a span."""
        if bucket_ms is not None and span.length_ms > bucket_ms * MAX_BUCKETS:
            raise InvalidValue(f"the span has over {MAX_BUCKETS} pieces; choose longer ones")
        times = await self._read_times(ListeningSession, channel_id, span)
        plays = await self._read_plays(channel_id, span)
        return await asyncio.to_thread(partial(_make_report, times, plays, span, bucket_ms))

    async def _list(self, query: Select[Any]) -> list[Any]:
        with refusing_when_away("read the ledger"):
            async with self._sessions.read() as session:
                return list(await session.scalars(query))

    async def _read_times(
        self, table: type[ListeningSession], channel_id: str, span: Span
    ) -> Sequence[int]:
        """Return the beginnings and ends of all sessions that overlap `span`, by turns."""
        times = array("q")
        async for rows in self._iterate_overlapping(table, channel_id, span, ()):
            for row in rows:
                times.extend((row.started_ms, row.ended_ms or self.now_ms()))
            if len(times) > 2 * MAX_SESSIONS:
                raise InvalidValue(f"over {MAX_SESSIONS} sessions; choose a shorter span")
        return times

    async def _read_plays(self, channel_id: str, span: Span) -> list[Play]:
        columns = (Performance.title, Performance.artist, Performance.track)
        plays = []
        async for rows in self._iterate_overlapping(Performance, channel_id, span, columns):
            for row in rows:
                end_ms = min(row.ended_ms or self.now_ms(), span.end_ms)
                start_ms = max(row.started_ms, span.start_ms)
                if end_ms > start_ms:
                    heard = Span(start_ms, end_ms)
                    plays.append(Play(heard, row.title, row.artist, row.track))
            if len(plays) > MAX_SESSIONS:
                raise InvalidValue(f"over {MAX_SESSIONS} titles; choose a shorter span")
        return plays

    async def _iterate_overlapping(
        self,
        table: type[ListeningSession] | type[Performance],
        channel_id: str,
        span: Span,
        columns: tuple[Any, ...],
    ) -> AsyncIterator[list[Any]]:
        """Yield rows that have any part in `span`: the open ones, then those that have ended, by their end.

        In this order, for one that ends meanwhile must not be missed; it is passed over the second time.
        """
        chosen = select(table.id, table.started_ms, table.ended_ms, *columns).where(
            table.channel_id == channel_id, table.started_ms < span.end_ms
        )
        number = 0
        seen: set[int] = set()
        while True:
            is_open = table.ended_ms.is_(None) & (table.id > number)
            rows = await self._read_rows(chosen.where(is_open).order_by(table.id).limit(CHUNK_ROWS))
            yield rows
            seen.update(row.id for row in rows)
            if len(rows) < CHUNK_ROWS:
                break
            number = rows[-1].id
        order = (table.ended_ms, table.id)
        after = (span.start_ms, 0)
        while True:
            later = tuple_(*order) > after
            ended = chosen.where(table.ended_ms > span.start_ms, later)
            rows = await self._read_rows(ended.order_by(*order).limit(CHUNK_ROWS))
            yield [row for row in rows if row.id not in seen]
            if len(rows) < CHUNK_ROWS:
                return
            after = (rows[-1].ended_ms, rows[-1].id)

    async def _read_rows(self, query: Select[Any]) -> list[Any]:
        with refusing_when_away("read the ledger"):
            async with self._sessions.read() as session:
                return list((await session.execute(query)).all())


def _select_page(
    table: Any,  # noqa: ANN401  # both tables have these columns
    channel_id: str,
    span: Span,
    before: int | None,
    limit: int,
) -> Select[Any]:
    query = select(table).where(
        table.channel_id == channel_id,
        table.started_ms >= span.start_ms,
        table.started_ms < span.end_ms,
    )
    if before is not None:
        query = query.where(table.id < before)
    # By time and number, so that the index is read in its own order.
    return query.order_by(table.started_ms.desc(), table.id.desc()).limit(limit)


def _make_report(
    times: Sequence[int], plays: list[Play], span: Span, bucket_ms: int | None
) -> Report:
    attendance = Attendance(span, _pair(times))
    peak, peak_ms = attendance.find_peak(span)
    return Report(
        len(attendance),
        attendance.listened_ms(span) / 3_600_000,
        peak,
        peak_ms,
        attendance.describe_buckets(bucket_ms) if bucket_ms else [],
        count_performances(attendance, plays),
    )


def _pair(times: Sequence[int]) -> Iterator[tuple[int, int]]:
    each = iter(times)
    return zip(each, each, strict=True)
