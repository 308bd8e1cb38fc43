import asyncio
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from awazpulse.store import Database, migrate, open_database
from awazpulse.store.models import Base


def differences(connection: sa.Connection) -> list[Any]:
    return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))


async def test_models_and_migrations_agree(database: Database) -> None:
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrating_again_changes_nothing(database: Database) -> None:
    await migrate(database)
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_two_processes_may_migrate_at_once(database_url: str) -> None:
    first, second = open_database(database_url), open_database(database_url)
    await asyncio.gather(migrate(first), migrate(second))
    async with first.read() as session:
        assert await session.scalar(sa.text("SELECT COUNT(*) FROM alembic_version")) == 1
    await first.close()
    await second.close()
