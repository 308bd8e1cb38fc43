from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, update

from awazpulse.ledger import reader as reader_module
from awazpulse.ledger.reader import LedgerReader
from awazpulse.ledger.reports import HOUR_MS, Span
from awazpulse.refusals import InvalidValue, ServiceUnavailable
from awazpulse.store import Database, ListeningSession, Performance
from tests.awazpulse.channels.support import FlakySessions

from .test_upkeep import session_row, title_row

DAY = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp() * 1000)
SPAN = Span(DAY, DAY + 24 * HOUR_MS)
NOW = DAY + 12 * HOUR_MS


@pytest.fixture
async def reader(database: Database, monkeypatch: pytest.MonkeyPatch) -> LedgerReader:
    """Ten sessions of an hour each, one that began the day before, one that goes on; three titles."""
    monkeypatch.setattr(reader_module, "CHUNK_ROWS", 4)
    rows = [session_row(DAY + n * HOUR_MS, DAY + (n + 1) * HOUR_MS) for n in range(10)]
    before = session_row(DAY - HOUR_MS, DAY + HOUR_MS, 1)
    goes_on = session_row(DAY + 11 * HOUR_MS, None, 1)
    stranger = session_row(DAY, DAY + HOUR_MS, 2) | {"channel_id": "other"}
    gone = session_row(DAY - 2 * HOUR_MS, DAY - HOUR_MS, 3)
    titles = [
        title_row(DAY - HOUR_MS // 2, DAY + HOUR_MS) | {"title": "A"},
        title_row(DAY + HOUR_MS, DAY + 2 * HOUR_MS) | {"title": "B"},
        title_row(DAY + 11 * HOUR_MS, None) | {"title": "A"},
    ]
    async with database.write() as session:
        await session.execute(insert(ListeningSession), [*rows, before, goes_on, stranger, gone])
        await session.execute(insert(Performance), titles)
    return LedgerReader(database, lambda: NOW)


async def test_pages_go_from_the_newest_to_the_oldest(reader: LedgerReader) -> None:
    seen: list[int] = []
    before = None
    while page := await reader.list_sessions("demo", SPAN, before, 3):
        seen += [row.started_ms for row in page]
        before = page[-1].id
    assert seen == [DAY + n * HOUR_MS for n in (11, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)]


async def test_all_rows_of_a_span_come_chunk_by_chunk(reader: LedgerReader) -> None:
    chunks = [chunk async for chunk in reader.iterate_sessions("demo", SPAN)]
    assert [len(chunk) for chunk in chunks] == [4, 4, 3]
    titles = [
        row.title async for chunk in reader.iterate_performances("demo", SPAN) for row in chunk
    ]
    assert titles == ["A", "B"]


async def test_the_open_sessions_are_those_without_an_end(reader: LedgerReader) -> None:
    (row,) = await reader.list_open("demo", 10)
    assert row.started_ms == DAY + 11 * HOUR_MS
    assert await reader.list_open("nobody's", 10) == []


async def test_a_report_counts_all_that_overlaps_its_span(reader: LedgerReader) -> None:
    report = await reader.report("demo", SPAN, HOUR_MS)
    assert report.sessions == 12
    assert report.hours == 12.0  # ten, the one of the day before for one, the open one for one
    assert (report.peak, report.peak_ms) == (2, DAY)
    assert [bucket.peak for bucket in report.buckets] == [2, *[1] * 9, 0, 1, *[0] * 12]
    first, second = report.performances
    assert (first.title, first.plays, first.hours, first.audience) == ("A", 2, 3.0, 3)
    assert (second.title, second.plays, second.hours) == ("B", 1, 1.0)


async def test_an_empty_channel_has_an_empty_report(reader: LedgerReader) -> None:
    report = await reader.report("empty", SPAN)
    assert (report.sessions, report.hours, report.peak, report.peak_ms) == (0, 0, 0, None)
    assert (report.performances, report.buckets) == ([], [])


async def test_too_many_pieces_or_sessions_are_refused(
    reader: LedgerReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "MAX_BUCKETS", 23)
    with pytest.raises(InvalidValue, match="over 23 pieces"):
        await reader.report("demo", SPAN, HOUR_MS)
    monkeypatch.setattr(reader_module, "MAX_SESSIONS", 11)
    with pytest.raises(InvalidValue, match="over 11 sessions"):
        await reader.report("demo", SPAN)


async def test_an_absent_database_is_a_refusal(database: Database) -> None:
    sessions = FlakySessions(database)
    sessions.is_away = True
    reader = LedgerReader(sessions, lambda: NOW)
    with pytest.raises(ServiceUnavailable):
        await reader.report("demo", SPAN)
    with pytest.raises(ServiceUnavailable):
        await reader.list_open("demo", 10)


async def test_a_session_that_ends_while_it_is_counted_is_counted_once(
    reader: LedgerReader, database: Database
) -> None:
    chunks = reader._iterate_overlapping(ListeningSession, "demo", SPAN, ())
    first = await anext(chunks)
    assert [row.started_ms for row in first] == [DAY + 11 * HOUR_MS]
    async with database.write() as session:
        open_one = update(ListeningSession).where(ListeningSession.ended_ms.is_(None))
        await session.execute(open_one.values(ended_ms=NOW))
    rest = [row.id async for chunk in chunks for row in chunk]
    assert len(rest) == len(set(rest)) == 11
    assert first[0].id not in rest
