"""Fixtures that many tests ask for: databases, on SQLite and on a real MariaDB.

Tests that drive a program say so by `@pytest.mark.needs("program")`. Where it is missing they are
left out, which `tests/prepare` has said in one line; in CI they are run, and fail.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import uvloop

from awazpulse.store import Database, migrate, open_database
from tests.mariadb import MariaDb, running_mariadb

LoopFactories = dict[str, Callable[[], asyncio.AbstractEventLoop]]


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> LoopFactories:
    """Tests run on the loop that the server runs on; of shells and child processes on asyncio's own too."""
    factories: LoopFactories = {"uvloop": uvloop.new_event_loop}
    if item.path.name in ("test_server.py", "test_client.py"):
        factories["asyncio"] = asyncio.new_event_loop
    return factories


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*programs): programs that the test drives")
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # where Debian keeps mariadbd and nginx


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("CI"):
        return
    left_out = [item for item in items if not all(shutil.which(p) for p in _programs_of(item))]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _programs_of(item: pytest.Item) -> list[str]:
    programs = [program for marker in item.iter_markers("needs") for program in marker.args]
    parameters = getattr(item, "callspec", None)
    values = parameters.params.values() if parameters else ()
    if {"mariadb", "own_mariadb"} & {*getattr(item, "fixturenames", ()), *map(str, values)}:
        programs.append("mariadbd")
    return programs


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDb]:
    """One server for all tests, which leave it alone but for their own databases."""
    with running_mariadb() as server:
        yield server


@pytest.fixture
def own_mariadb() -> Iterator[MariaDb]:
    """A server that the test may stop."""
    with running_mariadb() as server:
        yield server


@pytest.fixture(params=["sqlite", "mariadb"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once on SQLite and once on MariaDB."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/awazpulse.db"
    server: MariaDb = request.getfixturevalue("mariadb")
    return server.create_database()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated database, once on SQLite and once on MariaDB."""
    database = open_database(database_url)
    await migrate(database)
    yield database
    await database.close()


@pytest.fixture
async def sqlite_database(tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated database on SQLite."""
    database = open_database(f"sqlite:///{tmp_path}/awazpulse.db")
    await migrate(database)
    yield database
    await database.close()
