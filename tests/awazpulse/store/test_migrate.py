import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from awazpulse.store import Database, SchemaTooNew, migrate, open_database
from awazpulse.store.migrate import SCRIPTS, newest_revision
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


async def test_the_newest_revision_is_known_without_alembic_and_is_alembics() -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    assert newest_revision() == ScriptDirectory.from_config(config).get_current_head()


async def test_a_database_that_is_up_to_date_is_not_upgraded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise AssertionError("an upgrade")

    monkeypatch.setattr("awazpulse.store.upgrade.upgrade", fail)
    await migrate(database)


async def test_two_processes_may_migrate_at_once(database_url: str) -> None:
    first, second = open_database(database_url), open_database(database_url)
    await asyncio.gather(migrate(first), migrate(second))
    async with first.read() as session:
        assert await session.scalar(sa.text("SELECT COUNT(*) FROM alembic_version")) == 1
    await first.close()
    await second.close()


async def test_schema_of_a_newer_program_is_left_alone_and_said_in_one_line(
    database: Database,
) -> None:
    async with database.write() as session:
        await session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNew, match="newer than this program: got revision 9999") as error:
        await migrate(database)
    assert "\n" not in str(error.value)
    async with database.read() as session:
        found = await session.scalar(sa.text("SELECT version_num FROM alembic_version"))
    assert found == "9999"
