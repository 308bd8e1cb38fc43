"""Runs the migrations from the program itself: no alembic.ini, no shell.

Safe at each start and from several processes at once: SQLite migrates in one transaction that
waits for its turn, MySQL (which commits each DDL statement) behind a named lock.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from .database import Database
from .errors import DatabaseUnavailable, SchemaTooNew
from .revisions import SCRIPTS

_LOCK_NAME = "awazpulse_migrate"
_LOCK_TIMEOUT_S = 60


async def upgrade(database: Database) -> None:
    """Run the migrations that the database lacks.

    Raises `DatabaseUnavailable`, `SchemaTooNew`.
    """
    engine = database.engine.execution_options(awazpulse_begin="IMMEDIATE")
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade)
    except (DBAPIError, OSError) as error:
        detail = error.orig if isinstance(error, DBAPIError) else error
        raise DatabaseUnavailable(str(detail)) from error


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    with _alone(connection):
        _require_known_revision(connection, ScriptDirectory.from_config(config))
        command.upgrade(config, "head")


def _require_known_revision(connection: Connection, scripts: ScriptDirectory) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    for revision in MigrationContext.configure(connection).get_current_heads():
        if revision not in known:
            raise SchemaTooNew(revision, max(known))


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    if connection.dialect.name == "sqlite":
        yield
        return
    lock = {"name": _LOCK_NAME, "seconds": _LOCK_TIMEOUT_S}
    if connection.scalar(text("SELECT GET_LOCK(:name, :seconds)"), lock) != 1:
        raise DatabaseUnavailable(f"another migration has held it for {_LOCK_TIMEOUT_S} s")
    try:
        yield
    finally:
        connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": _LOCK_NAME})
