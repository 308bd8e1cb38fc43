"""Brings a database to the newest schema at each start.

Nearly always it is there already. That is seen without Alembic, whose 11 MB of memory no start but one
needs (`upgrade` has them).
"""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from .database import Database

SCRIPTS = Path(__file__).parent / "migrations"


async def migrate(database: Database) -> None:
    """Upgrade to the newest revision; the same one again changes nothing.

    Raises `DatabaseUnavailable`, `SchemaTooNew`.
    """
    if await _read_revision(database) == newest_revision():
        return
    from .upgrade import upgrade  # noqa: PLC0415  # see the module's head

    await upgrade(database)


def newest_revision() -> str:
    """Return the newest of the migrations, which are named by their revision: `v0001_WHAT.py`."""
    return max(file.name[1:5] for file in (SCRIPTS / "versions").glob("v[0-9]*.py"))


async def _read_revision(database: Database) -> str | None:
    """Return the database's revision, None where it has none or cannot be asked."""
    try:
        async with database.engine.connect() as connection:
            found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    except (DBAPIError, OSError):
        return None  # no table yet, or no database: the upgrade makes the one or reports the other
    return None if found is None else str(found)
