import asyncio
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError

from awazpulse.refusals import UnknownUser
from awazpulse.store import (
    Database,
    DatabaseUnavailable,
    Share,
    User,
    WriteConflict,
    migrate,
    open_database,
    utc_now,
)
from awazpulse.store.database import (
    LOCK_TIMEOUT_S,
    MAX_TRANSACTIONS,
    TRANSACTION_TIMEOUT_S,
    _unavailable,
)
from tests.mariadb import MariaDb


def make_user(email: str) -> User:
    return User(email=email, password_hash="x")


async def count_users(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(User)) or 0


async def test_block_that_ends_well_is_committed(database: Database) -> None:
    async with database.write() as session:
        session.add(make_user("a@b"))
    assert await count_users(database) == 1


async def test_block_that_raises_is_rolled_back(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as session:
            session.add(make_user("a@b"))
            await session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await count_users(database) == 0


async def test_a_write_that_is_cancelled_anywhere_keeps_no_lock(database: Database) -> None:
    async def write() -> None:
        async with database.write() as session:
            rows = [{"email": f"{n}@b", "password_hash": "x"} for n in range(500)]
            await session.execute(sa.insert(User), rows)
            raise ZeroDivisionError

    for step in range(25):
        task = asyncio.create_task(write())
        await asyncio.sleep(step * 0.0005)
        task.cancel()
        async with asyncio.timeout(LOCK_TIMEOUT_S / 2):
            async with database.write() as session:
                session.add(make_user(f"user{step}@b"))
            with pytest.raises((asyncio.CancelledError, ZeroDivisionError)):
                await task
    assert await count_users(database) == 25


async def test_block_that_is_cancelled_is_rolled_back_and_its_connection_is_of_use_again(
    database: Database,
) -> None:
    begun = asyncio.Event()

    async def write() -> None:
        async with database.write() as session:
            session.add(make_user("a@b"))
            await session.flush()
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.write() as session:
        session.add(make_user("c@d"))
    assert await count_users(database) == 1


async def test_block_that_takes_too_long_is_ended(database_url: str) -> None:
    database = open_database(database_url, timeout_s=5)
    await database.ping()
    database._timeout_s = 0.05
    with pytest.raises(DatabaseUnavailable, match=r"no answer in 0\.05 s"):
        async with database.read():
            await asyncio.Event().wait()
    database._timeout_s = 5
    await database.ping()
    await database.close()


async def test_block_within_its_time_ends_well_and_there_is_a_limit_by_default(
    sqlite_database: Database,
) -> None:
    assert sqlite_database._timeout_s == TRANSACTION_TIMEOUT_S
    sqlite_database._timeout_s = 1
    async with sqlite_database.write() as session:
        session.add(make_user("a@b"))
        await asyncio.sleep(0.05)
    assert await count_users(sqlite_database) == 1


async def test_writers_that_read_first_take_turns(database: Database) -> None:
    async with database.write() as session:
        session.add(make_user("0"))

    async def add_one() -> None:
        async with database.write() as session:
            user = (await session.scalars(sa.select(User).with_for_update())).one()
            await asyncio.sleep(0)
            user.password_hash += "x"

    await asyncio.gather(*(add_one() for _ in range(8)))
    async with database.read() as session:
        assert (await session.scalars(sa.select(User))).one().password_hash == "x" * 9


async def test_reader_does_not_wait_for_a_writer(database: Database) -> None:
    async with database.write() as session:
        session.add(make_user("a@b"))
        await session.flush()
        assert await count_users(database) == 0


async def test_transaction_past_the_limit_waits_for_its_turn(database: Database) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(MAX_TRANSACTIONS - 1):
            await stack.enter_async_context(database.read())
        await database.ping()
        await stack.enter_async_context(database.read())
        database._timeout_s = 0.05
        with pytest.raises(DatabaseUnavailable):
            await database.ping()
    database._timeout_s = 5
    await database.ping()


async def test_server_that_is_not_there_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    database = open_database(f"mysql://root:hidden@127.0.0.1:{port}/x")
    with pytest.raises(DatabaseUnavailable) as away:
        await database.ping()
    assert "hidden" not in str(away.value)
    with pytest.raises(DatabaseUnavailable):
        await migrate(database)
    await database.close()


async def test_server_that_accepts_and_says_nothing_is_given_up_by_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        database = open_database(f"mysql://root@127.0.0.1:{port}/x", timeout_s=0.1)
        with pytest.raises(DatabaseUnavailable):
            await database.ping()
        await database.close()


async def test_directory_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/missing/x.db")
    with pytest.raises(DatabaseUnavailable, match="unable to open"):
        await database.ping()
    await database.close()


async def test_mistake_in_sql_is_no_outage(sqlite_database: Database) -> None:
    async with sqlite_database.write() as session:
        session.add(make_user("a@b"))
    with pytest.raises(DBAPIError):
        async with sqlite_database.write() as session:
            session.add(make_user("a@b"))


@pytest.mark.parametrize("code", [1213, 1205, 1020])
def test_deadlock_is_a_conflict_to_be_tried_again(code: int) -> None:
    error = OperationalError("UPDATE", {}, Exception(code, "Deadlock found"))
    assert isinstance(_unavailable(error), WriteConflict)


def test_repr_shows_no_password() -> None:
    database = open_database("mysql://root:hidden@127.0.0.1/x")
    assert "hidden" not in repr(database)


async def test_sqlite_is_set_up_for_several_processes(sqlite_database: Database) -> None:
    async with sqlite_database.read() as session:
        for pragma, expected in (("journal_mode", "wal"), ("foreign_keys", 1)):
            assert await session.scalar(sa.text(f"PRAGMA {pragma}")) == expected
        assert (await session.scalar(sa.text("PRAGMA busy_timeout")) or 0) > 0


async def test_mysql_sessions_are_strict_and_in_utc(database: Database) -> None:
    if database.engine.dialect.name == "sqlite":
        query = "SELECT '+00:00', 'STRICT_TRANS_TABLES', CURRENT_TIMESTAMP"
    else:
        query = "SELECT @@session.time_zone, @@session.sql_mode, CAST(NOW() AS CHAR)"
    async with database.read() as session:
        zone, mode, now = (await session.execute(sa.text(query))).one()
    assert zone == "+00:00"
    assert "STRICT_TRANS_TABLES" in mode
    assert now[:13] == utc_now().isoformat(" ")[:13]


async def test_connections_that_wait_timeout_has_closed_are_replaced(
    own_mariadb: MariaDb, caplog: pytest.LogCaptureFixture
) -> None:
    database = open_database(own_mariadb.create_database())
    try:
        async with database.read() as first, database.read() as second:
            for session in (first, second):
                await session.execute(sa.text("SET SESSION wait_timeout = 1"))
        for _ in range(2):
            await asyncio.sleep(2.5)
            async with database.read() as first, database.read() as second:
                for session in (first, second):
                    seconds = await session.scalar(sa.text("SELECT @@SESSION.wait_timeout"))
                    assert seconds != 1  # another connection than the one that was closed
                    await session.execute(sa.text("SET SESSION wait_timeout = 1"))
    finally:
        await database.close()
    assert not caplog.records


async def test_a_share_has_so_many_transactions_at_once_and_leaves_the_rest(
    sqlite_database: Database,
) -> None:
    share = Share(sqlite_database, 2, timeout_s=0.1)
    async with share.read(), share.read():
        with pytest.raises(DatabaseUnavailable, match="no turn"):
            async with share.read():
                pytest.fail("there is no room")
        assert await count_users(sqlite_database) == 0
    async with share.write() as session:
        session.add(make_user("a@b"))
    with pytest.raises(ZeroDivisionError):
        async with share.write():
            raise ZeroDivisionError
    async with share.read() as first, share.read() as second:
        assert first is not second
    assert await count_users(sqlite_database) == 1


async def test_each_transaction_is_told_of_with_its_time_and_whether_the_database_was_there(
    sqlite_database: Database, tmp_path: Path
) -> None:
    told: list[tuple[float, bool]] = []
    sqlite_database.on_transaction = lambda duration_s, is_available: told.append(
        (duration_s, is_available)
    )
    async with sqlite_database.read():
        await asyncio.sleep(0.1)
    with pytest.raises(ZeroDivisionError):
        async with sqlite_database.read():
            _ = 1 / 0
    assert [is_available for _, is_available in told] == [True, True]
    assert 0.1 <= told[0][0] < 5
    absent = open_database(f"sqlite:///{tmp_path}/none/x.db")
    absent.on_transaction = sqlite_database.on_transaction
    with pytest.raises(DatabaseUnavailable):
        await absent.ping()
    sqlite_database._timeout_s = 0.05
    with pytest.raises(DatabaseUnavailable):
        async with sqlite_database.read():
            await asyncio.Event().wait()
    assert [is_available for _, is_available in told[2:]] == [False, False]
    await absent.close()


async def lose_connection(database: Database, step: str, lose: Callable[[Any], None]) -> None:
    """Begin a transaction, lose its connection, and take one more step."""
    async with database.write() as session:
        raw = await (await session.connection()).get_raw_connection()
        lose(raw.driver_connection)
        await asyncio.sleep(0.3)  # the loop learns of it
        if step == "statement":
            await session.execute(sa.text("SELECT 1"))
        if step == "rollback":
            raise UnknownUser("nobody")


@pytest.mark.parametrize("step", ["statement", "commit", "rollback"])
async def test_connection_that_is_lost_in_a_transaction_is_an_absent_database(
    mariadb: MariaDb, caplog: pytest.LogCaptureFixture, step: str
) -> None:
    database = open_database(mariadb.create_database())
    try:
        with pytest.raises(DatabaseUnavailable):
            await lose_connection(database, step, lambda driver: driver._writer.transport.close())
        await database.ping()  # with another connection
    finally:
        await database.close()
    assert not [record for record in caplog.records if record.exc_info]


async def test_database_that_goes_in_a_transaction_is_absent_until_it_is_back(
    own_mariadb: MariaDb, caplog: pytest.LogCaptureFixture
) -> None:
    database = open_database(own_mariadb.create_database())
    try:
        with pytest.raises(DatabaseUnavailable):
            await lose_connection(database, "statement", lambda _driver: own_mariadb.stop())
        with pytest.raises(DatabaseUnavailable):
            await database.ping()
        own_mariadb.start()
        await database.ping()
    finally:
        await database.close()
    assert not [record for record in caplog.records if record.exc_info]
