from sqlalchemy import insert, select

from awazpulse.ledger.numbers import first_number_at
from awazpulse.ledger.upkeep import DAY_MS, PURGE_ROWS, Upkeep
from awazpulse.store import Database, ListeningSession, Performance
from tests.awazpulse.channels.support import open_radio

ALIVE_MS = 1_800_000_000_000


def session_row(started_ms: int, ended_ms: int | None, count: int = 0) -> dict[str, object]:
    return {
        "id": first_number_at(started_ms) + count,
        "channel_id": "demo",
        "stream_type": "hls",
        "started_ms": started_ms,
        "ended_ms": ended_ms,
        "first_byte": 0,
        "user_agent": "",
        "address": "",
    }


def title_row(started_ms: int, ended_ms: int | None) -> dict[str, object]:
    return {
        "id": first_number_at(started_ms),
        "channel_id": "demo",
        "stream_type": "hls",
        "started_ms": started_ms,
        "ended_ms": ended_ms,
        **dict.fromkeys(("title", "artist", "track"), "x"),
    }


async def add(database: Database, table: type, *rows: dict[str, object]) -> None:
    async with database.write() as session:
        await session.execute(insert(table), list(rows))


async def read_times(
    database: Database, table: type[ListeningSession | Performance]
) -> list[tuple[int, int | None]]:
    async with database.read() as session:
        rows = await session.execute(select(table.started_ms, table.ended_ms).order_by(table.id))
        return [(row[0], row[1]) for row in rows]


async def test_what_a_crash_left_open_ends_when_the_server_was_last_alive(
    database: Database,
) -> None:
    upkeep = Upkeep(database, days=0)
    async with open_radio(database):
        for alive_ms in (ALIVE_MS - 2000, ALIVE_MS):
            await upkeep.beat(alive_ms)
        ended = session_row(ALIVE_MS - 90_000, ALIVE_MS - 80_000)
        goes_on = session_row(ALIVE_MS - 60_000, None)
        too_short = session_row(ALIVE_MS - 1999, None)
        after_it = session_row(ALIVE_MS + 500, None)
        await add(database, ListeningSession, ended, goes_on, too_short, after_it)
        await add(database, Performance, title_row(ALIVE_MS - 5000, None))
        await upkeep.repair()
        assert await read_times(database, ListeningSession) == [
            (ALIVE_MS - 90_000, ALIVE_MS - 80_000),
            (ALIVE_MS - 60_000, ALIVE_MS),
        ]
        assert await read_times(database, Performance) == [(ALIVE_MS - 5000, ALIVE_MS)]
        await upkeep.repair()
        assert len(await read_times(database, ListeningSession)) == 2


async def test_a_first_start_has_nothing_to_repair(database: Database) -> None:
    await Upkeep(database, days=0).repair()


async def test_old_rows_are_deleted_and_open_ones_are_not(database: Database) -> None:
    upkeep = Upkeep(database, days=30)
    old_ms, new_ms = ALIVE_MS - 31 * DAY_MS, ALIVE_MS - 29 * DAY_MS
    many = [session_row(old_ms, old_ms + 5000, count) for count in range(PURGE_ROWS + 5)]
    still_there = session_row(old_ms - 1, None)
    await add(database, ListeningSession, still_there, *many, session_row(new_ms, new_ms + 5000))
    await add(database, Performance, title_row(old_ms, old_ms + 1), title_row(new_ms, None))
    assert await upkeep.purge(ALIVE_MS) == PURGE_ROWS + 6
    assert await read_times(database, ListeningSession) == [
        (old_ms - 1, None),
        (new_ms, new_ms + 5000),
    ]
    assert await read_times(database, Performance) == [(new_ms, None)]


async def test_zero_days_keep_all(database: Database) -> None:
    await add(database, ListeningSession, session_row(1000, 5000))
    assert await Upkeep(database, days=0).purge(ALIVE_MS) == 0
    assert len(await read_times(database, ListeningSession)) == 1
