import asyncio
import logging
from typing import Any

import pytest
from sqlalchemy import select

from awazpulse.ledger import writer as writer_module
from awazpulse.ledger.book import Book
from awazpulse.ledger.upkeep import Upkeep
from awazpulse.ledger.writer import BATCH_ROWS, LedgerWriter
from awazpulse.store import Database, ListeningSession, Performance
from tests.awazpulse.channels.support import FlakySessions
from tests.awazpulse.relay.station import until

from .clock import START_MS, Clock, make_book


class Desk:
    """A writer with its book, on a database that can be taken away."""

    def __init__(self, database: Database) -> None:
        self.clock = Clock()
        self.book: Book = make_book(self.clock)
        self.sessions = FlakySessions(database)
        self.writer = LedgerWriter(self.sessions, self.book, Upkeep(self.sessions, days=0))

    async def rows(self, table: type[Any] = ListeningSession) -> list[Any]:
        async with self.sessions.database.read() as session:
            return list(await session.scalars(select(table).order_by(table.id)))

    def visit(self, seconds: float = 5.0, sent: int = 1000, channel: str = "demo") -> int:
        number = self.book.begin_session(channel, "icecast", "192.0.2.1", "VLC", 100)
        self.clock.now += seconds
        self.book.end_session(number, 100 + sent)
        return number


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


async def test_a_session_is_written_as_it_begins_and_as_it_ends(desk: Desk) -> None:
    number = desk.book.begin_session("demo", "icecast", "192.0.2.77", "VLC", 100)
    await desk.writer.flush()
    (row,) = await desk.rows()
    assert (row.id, row.started_ms, row.ended_ms, row.bytes) == (number, START_MS, None, None)
    assert (row.stream_type, row.user_agent, row.address) == ("icecast", "VLC", "192.0.2.0")
    desk.clock.now += 60
    desk.book.end_session(number, 960_100)
    await desk.writer.flush()
    (row,) = await desk.rows()
    assert (row.ended_ms, row.bytes) == (START_MS + 60_000, 960_000)


async def test_a_session_that_ends_before_it_is_written_is_one_row(desk: Desk) -> None:
    desk.visit(seconds=5, sent=1234)
    await desk.writer.flush()
    (row,) = await desk.rows()
    assert (row.ended_ms, row.bytes) == (START_MS + 5000, 1234)


async def test_a_short_session_that_was_written_is_deleted(desk: Desk) -> None:
    number = desk.book.begin_session("demo", "icecast", "192.0.2.1", "probe")
    await desk.writer.flush()
    assert len(await desk.rows()) == 1
    desk.book.end_session(number, 0)
    await desk.writer.flush()
    assert await desk.rows() == []


async def test_titles_are_written(desk: Desk) -> None:
    facts = {"title": "نور جہاں - گیت", "artist": "نور جہاں", "track": "گیت"}
    desk.book.note_title("demo", "hls", facts)
    await desk.writer.flush()
    desk.clock.now += 200
    desk.book.end_title("demo")
    await desk.writer.flush()
    (row,) = await desk.rows(Performance)
    assert (row.title, row.artist, row.track) == tuple(facts.values())
    assert row.ended_ms == START_MS + 200_000


async def test_a_crowd_is_written_in_several_transactions(desk: Desk) -> None:
    numbers = [
        desk.book.begin_session("demo", "icecast", "192.0.2.1", "VLC")
        for _ in range(2 * BATCH_ROWS + 7)
    ]
    desk.clock.now += 3
    await desk.writer.flush()
    for number in numbers:
        desk.book.end_session(number, 50)
    await desk.writer.flush()
    rows = await desk.rows()
    assert [row.id for row in rows] == numbers
    assert {row.bytes for row in rows} == {50}


async def test_an_absent_database_loses_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer_module, "WRITE_INTERVAL_S", 0.01)
    caplog.set_level(logging.INFO)
    await desk.writer.start()
    early = desk.visit()
    await until(lambda: not desk.book.sessions)
    desk.sessions.is_away = True
    late = [desk.visit() for _ in range(3)]
    open_number = desk.book.begin_session("demo", "icecast", "192.0.2.1", "VLC")
    await until(lambda: "the ledger waits" in caplog.text)
    desk.sessions.is_away = False
    await until(lambda: "the ledger is written again" in caplog.text)
    rows = await desk.rows()
    assert [row.id for row in rows] == [early, *late, open_number]
    assert [row.bytes for row in rows] == [1000] * 4 + [None]
    await desk.writer.close(5)


async def test_a_commit_that_fails_is_repeated_without_a_second_row(desk: Desk) -> None:
    number = desk.visit()
    batch = desk.book.sessions.take(10)
    desk.book.sessions.put_back(batch)
    await desk.writer.flush()
    desk.book.sessions.put_back(batch)  # as if the commit's answer had been lost
    await desk.writer.flush()
    assert [row.id for row in await desk.rows()] == [number]


async def test_one_row_that_the_database_refuses_does_not_hold_up_the_others(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(database)
    good = desk.visit()
    bad = desk.visit()
    desk.book.sessions._starts[bad]["stream_type"] = None  # what no caller can do
    late = desk.visit()
    await desk.writer.flush()
    assert [row.id for row in await desk.rows()] == [good, late]
    assert "a row of the ledger cannot be written" in caplog.text


async def test_a_crowd_that_leaves_as_the_server_stops_is_written(database: Database) -> None:
    desk = Desk(database)
    await desk.writer.start()
    numbers = [
        desk.book.begin_session("demo", "icecast", "192.0.2.1", "VLC")
        for _ in range(10 * BATCH_ROWS)
    ]
    await desk.writer.flush()
    desk.clock.now += 3
    for number in numbers:
        desk.book.end_session(number, 50)
    await asyncio.sleep(0.005)  # the writer has begun
    await desk.writer.close(30)
    assert [row.bytes for row in await desk.rows()] == [50] * len(numbers)


async def test_the_stop_does_not_wait_for_the_next_try(
    desk: Desk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "WRITE_INTERVAL_S", 30.0)
    await desk.writer.start()
    desk.sessions.is_away = True
    for _ in range(BATCH_ROWS):
        desk.visit()
    await until(lambda: "the ledger waits" in caplog.text)
    desk.sessions.is_away = False
    async with asyncio.timeout(10):
        await desk.writer.close(10)
    assert len(await desk.rows()) == BATCH_ROWS


async def test_what_is_pending_at_the_end_is_written(desk: Desk) -> None:
    await desk.writer.start()
    number = desk.visit()
    await desk.writer.close(5)
    assert [row.id for row in await desk.rows()] == [number]


async def test_a_database_that_is_away_at_the_end_is_told_of(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    await desk.writer.start()
    desk.visit()
    desk.sessions.is_away = True
    await desk.writer.close(5)
    assert "1 entries of the ledger are lost" in caplog.text
