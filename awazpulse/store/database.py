"""Sessions on SQLite or MySQL: short transactions with a deadline, and one error for 'away'.

`read` and `write` each open one transaction, commit at the block's end, and roll back when the
block raises. `write` on SQLite is `BEGIN IMMEDIATE`: it waits for its turn at the beginning, so it
never fails half-way for having read first. On MySQL every transaction is READ COMMITTED: a reader
who has waited for a row's lock sees what the holder wrote, and gaps are not locked.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import cache
from typing import Any, Protocol

from sqlalchemy import event, text
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.util import await_only

from .errors import DatabaseUnavailable, WriteConflict
from .urls import parse_database_url

MAX_TRANSACTIONS = 8  # at once; a crowd of logins waits in order and does not hold the event loop
TRANSACTION_TIMEOUT_S = 10.0  # ours take milliseconds; a dead network must not hold a caller
CONNECT_TIMEOUT_S = 5
LOCK_TIMEOUT_S = 5  # how long a transaction waits for another one's lock
WAL_ATTEMPTS = 100
POOL_RECYCLE_S = 1800  # below the 8 hours after which MySQL drops an idle connection

_DEADLOCK, _LOCK_WAIT_TIMEOUT, _RECORD_CHANGED = 1213, 1205, 1020
_SERVER_GONE = 2006  # CR_SERVER_GONE_ERROR, which SQLAlchemy takes for a lost connection
_BEGIN = "awazpulse_begin"  # the execution option that says how SQLite begins
_MYSQL_SESSION = (
    "SET SESSION time_zone = '+00:00', "
    "sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO',"
    f" innodb_lock_wait_timeout = {LOCK_TIMEOUT_S}"
)


class Sessions(Protocol):
    """What the rest of the server needs of the database."""

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a transaction that only reads. Raises `DatabaseUnavailable`."""

    def write(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a transaction that will write. Raises `DatabaseUnavailable`, `WriteConflict`."""


class Database:
    """One database, its pool of connections and its sessions. Close it before the loop ends."""

    def __init__(self, engine: AsyncEngine, *, timeout_s: float = TRANSACTION_TIMEOUT_S) -> None:
        self.engine = engine
        self._timeout_s = timeout_s
        # Called at each transaction's end with the seconds that it took and whether the database was there.
        self.on_transaction: Callable[[float, bool], None] = lambda _duration_s, _is_available: None
        self._slots = asyncio.Semaphore(MAX_TRANSACTIONS)
        # Rows outlive their session as plain values.
        self._make_session = async_sessionmaker(engine, expire_on_commit=False)

    def __repr__(self) -> str:
        return f"Database({self.engine.url.render_as_string(hide_password=True)!r})"

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a transaction that only reads. Raises `DatabaseUnavailable`."""
        return self._transaction("DEFERRED")

    def write(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a transaction that will write. Raises `DatabaseUnavailable`, `WriteConflict`."""
        return self._transaction("IMMEDIATE")

    async def ping(self) -> None:
        """Raise `DatabaseUnavailable` unless the database answers."""
        async with self.read() as session:
            await session.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close all connections. Idempotent."""
        await self.engine.dispose()

    @asynccontextmanager
    async def _transaction(self, begin: str) -> AsyncIterator[AsyncSession]:
        begun = time.monotonic()
        is_available = True
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._slots,
                self._make_session() as session,
            ):
                await session.connection(execution_options={_BEGIN: begin})
                yield session
                await session.commit()
        except TimeoutError as error:
            is_available = False
            raise DatabaseUnavailable(f"no answer in {self._timeout_s:g} s") from error
        except (DBAPIError, PoolTimeoutError, OSError) as error:
            unavailable = _unavailable(error)
            if unavailable is None:
                raise
            is_available = False
            raise unavailable from error
        finally:
            self.on_transaction(time.monotonic() - begun, is_available)


class Share:
    """A part of a database's transactions: `most` at once, whoever else waits.

    For callers who come in crowds, and would keep the event loop busy with one another.
    """

    def __init__(
        self, sessions: Sessions, most: int, *, timeout_s: float = TRANSACTION_TIMEOUT_S
    ) -> None:
        self._sessions = sessions
        self._slots = asyncio.Semaphore(most)
        self._timeout_s = timeout_s

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a transaction that only reads. Raises `DatabaseUnavailable`."""
        return self._take_turn(self._sessions.read)

    def write(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a transaction that will write. Raises `DatabaseUnavailable`, `WriteConflict`."""
        return self._take_turn(self._sessions.write)

    @asynccontextmanager
    async def _take_turn(
        self, begin: Callable[[], AbstractAsyncContextManager[AsyncSession]]
    ) -> AsyncIterator[AsyncSession]:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._slots.acquire()
        except TimeoutError:
            raise DatabaseUnavailable(f"no turn in {self._timeout_s:g} s") from None
        try:
            async with begin() as session:
                yield session
        finally:
            self._slots.release()


def open_database(url: str | URL, *, timeout_s: float = TRANSACTION_TIMEOUT_S) -> Database:
    """Return a database that connects when it is first used.

    Raises `InvalidDatabaseUrl`.
    """
    parsed = parse_database_url(url) if isinstance(url, str) else url
    if parsed.drivername.startswith("sqlite"):
        return Database(_sqlite_engine(parsed), timeout_s=timeout_s)
    return Database(_mysql_engine(parsed), timeout_s=timeout_s)


def _mysql_engine(url: URL) -> AsyncEngine:
    engine = create_async_engine(
        url,
        hide_parameters=True,  # hashes and addresses stay out of tracebacks
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        pool_size=MAX_TRANSACTIONS,
        pool_recycle=POOL_RECYCLE_S,
        pool_timeout=CONNECT_TIMEOUT_S,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": CONNECT_TIMEOUT_S,
            "init_command": _MYSQL_SESSION,
            "async_creator_fn": _connect_mysql,
        },
    )
    event.listen(engine.sync_engine, "close", _let_go_of_closed_transport)
    return engine


async def _connect_mysql(**arguments: Any) -> Any:  # noqa: ANN401  # DBAPI
    """Return a connection that says of a closed transport what the driver says of a lost server.

    uvloop raises RuntimeError for what is done to a closed transport. SQLAlchemy takes only the driver's own
    errors for a lost connection. It would hand this one to each caller, as a mistake of ours, and keep
    the connection in the pool.
    """
    import aiomysql  # noqa: PLC0415  # a server on SQLite does not load it

    connection = _make_connection_class(aiomysql)(**arguments)
    with _saying_gone(aiomysql):
        await connection._connect()  # noqa: SLF001  # what `aiomysql.connect` does
    return connection


@cache
def _make_connection_class(driver: Any) -> Any:  # noqa: ANN401  # a module without types
    class Connection(driver.Connection):  # type: ignore[misc]
        """A connection whose two ways to its transport raise the driver's own errors."""

        def _write_bytes(self, data: bytes) -> None:
            with _saying_gone(driver):
                super()._write_bytes(data)

        async def _read_bytes(self, size: int) -> bytes:
            with _saying_gone(driver):
                read: bytes = await super()._read_bytes(size)
            return read

    return Connection


@contextmanager
def _saying_gone(driver: Any) -> Iterator[None]:  # noqa: ANN401  # a module without types
    try:
        yield
    except RuntimeError as error:
        raise driver.OperationalError(_SERVER_GONE, str(error)) from error


def _let_go_of_closed_transport(connection: Any, _record: object) -> None:  # noqa: ANN401  # DBAPI
    """Forget a transport that is closed; the driver would write its farewell to it and fail."""
    driver = connection.driver_connection
    writer = driver._writer  # noqa: SLF001  # aiomysql has no public word for it
    if writer is not None and writer.transport.is_closing():
        driver.close()


def _sqlite_engine(url: URL) -> AsyncEngine:
    engine = create_async_engine(
        url, hide_parameters=True, pool_size=MAX_TRANSACTIONS, pool_timeout=CONNECT_TIMEOUT_S
    )
    event.listen(engine.sync_engine, "do_connect", _try_to_open_sqlite)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite_connection)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    event.listen(engine.sync_engine, "invalidate", _roll_back_sqlite)
    return engine


def _try_to_open_sqlite(
    _dialect: object, _record: object, arguments: list[Any], options: dict[str, Any]
) -> None:
    """Raise what opening the file raises.

    aiosqlite leaves a thread behind when it fails to open one, which then prints a traceback if
    the loop is closed soon, as it is when the server cannot start.
    """

    def open_and_close() -> None:
        sqlite3.connect(*arguments, **options).close()

    await_only(asyncio.to_thread(open_and_close))


def _prepare_sqlite_connection(connection: Any, _record: object) -> None:  # noqa: ANN401  # DBAPI
    connection.isolation_level = None  # the driver begins too late, only before the first write
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {LOCK_TIMEOUT_S * 1000}",
        "synchronous = NORMAL",  # with WAL: a power cut may lose the last commits, corrupts nothing
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    _set_wal(cursor)
    cursor.close()


def _set_wal(cursor: Any) -> None:  # noqa: ANN401  # DBAPI
    """Have readers and the writer not wait for each other; the file remembers it.

    On a new file the switch fails at once, busy_timeout or not, while another process is at it.
    """
    for attempt in range(1, WAL_ATTEMPTS + 1):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if attempt == WAL_ATTEMPTS:
                raise
            await_only(asyncio.sleep(LOCK_TIMEOUT_S / WAL_ATTEMPTS))
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get(_BEGIN, '')}")


def _roll_back_sqlite(connection: Any, _record: object, _error: object) -> None:  # noqa: ANN401  # DBAPI
    """Have a connection that is given up, as when its transaction is cancelled, give up its lock.

    What was sent last may still be carried out, such as a BEGIN. A close alone keeps the lock while
    a cursor is referred to, which is until the collector of circles runs.
    """
    connection.rollback()


def _unavailable(error: Exception) -> DatabaseUnavailable | None:
    """Return what `error` means to a caller, None for a mistake in SQL or in the data."""
    if not isinstance(error, DBAPIError):
        return DatabaseUnavailable(str(error))
    code = error.orig.args[0] if error.orig is not None and error.orig.args else None
    if code in (_DEADLOCK, _LOCK_WAIT_TIMEOUT, _RECORD_CHANGED):
        return WriteConflict(str(error.orig))
    away = (OperationalError, InterfaceError, InternalError)
    if error.connection_invalidated or isinstance(error, away):
        return DatabaseUnavailable(str(error.orig))
    return None
