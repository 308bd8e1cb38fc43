"""Brings a database to the newest schema at each start.

Nearly always the database is there already, and this module sees that without Alembic. Alembic takes
11 MB of memory, so `upgrade` alone imports it, and only a start that has something to upgrade imports
`upgrade`.
"""

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from .database import Database
from .revisions import newest_revision


async def migrate(database: Database) -> None:
    """Upgrade to the newest revision; the same one again changes nothing.

    Raises `DatabaseUnavailable`, `SchemaTooNew`.
    """
    if await _read_revision(database) == newest_revision():
        return
    from .upgrade import upgrade  # noqa: PLC0415  # see the module's head

    await upgrade(database)


async def _read_revision(database: Database) -> str | None:
    """Return the database's revision, None where it has none or cannot be asked."""
    try:
        async with database.engine.connect() as connection:
            found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    except (DBAPIError, OSError):
        return None  # no table yet, or no database: the upgrade makes the one or reports the other
    return None if found is None else str(found)
