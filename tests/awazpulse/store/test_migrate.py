import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from awazpulse.kinds import FormatChange, StreamType, TakeoverPolicy
from awazpulse.store import Channel, Database, SchemaTooNew, Stream, User, migrate, open_database
from awazpulse.store.models import Base
from awazpulse.store.revisions import SCRIPTS, newest_revision

ROWS_OF_REVISION_0001 = """
INSERT INTO users (id, email, passwordHash) VALUES ('u1', 'a@b', 'x');
INSERT INTO channels (id, name, ownerId, encryptedStreamKey, encryptedSourcePassword)
VALUES ('c1', 'One', 'u1', 'x', 'y');
INSERT INTO streams (id, name, streamUrl, channelId, streamType)
VALUES ('s1', 'One', 'http://x', 'c1', 'icecast')
"""


def differences(connection: sa.Connection) -> list[Any]:
    return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))


async def test_models_and_migrations_agree(database: Database) -> None:
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrating_again_changes_nothing(database: Database) -> None:
    await migrate(database)
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


def run_alembic(connection: sa.Connection, direction: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    getattr(command, direction)(config, revision)


@pytest.fixture
async def first_database(database_url: str) -> AsyncIterator[Database]:
    """A database as revision 0001 has left it, with a channel and a stream."""
    database = open_database(database_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(run_alembic, "upgrade", "0001")
        for statement in ROWS_OF_REVISION_0001.split(";"):
            await connection.execute(sa.text(statement))
    yield database
    await database.close()


async def require_settings_of_revision_0002(database: Database) -> None:
    """Check that the channel of `first_database` has the defaults, and its stream still."""
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    async with database.read() as session:
        channel = (await session.scalars(sa.select(Channel))).one()
        stream = (await session.scalars(sa.select(Stream))).one()
    assert (channel.id, channel.name, channel.encrypted_stream_key) == ("c1", "One", "x")
    assert (channel.grace_time, channel.fallback_after) == (30, 5)
    assert channel.takeover is TakeoverPolicy.TAKEOVER
    assert channel.format_change is FormatChange.CONTINUE
    assert (channel.always_on, channel.simulcast, channel.dead_air_fallback) == (False,) * 3
    assert (channel.dead_air_level, channel.dead_air_after) == (-50, 20)
    assert (channel.fallback_file, channel.fallback_title) == (None, None)
    assert (stream.channel_id, stream.stream_type) == ("c1", StreamType.ICECAST)


async def test_channels_of_revision_0001_get_the_default_settings(first_database: Database) -> None:
    await migrate(first_database)
    await require_settings_of_revision_0002(first_database)


async def test_a_migration_that_was_cut_off_is_finished_by_the_next_start(
    first_database: Database,
) -> None:
    async with first_database.engine.begin() as connection:
        await connection.execute(
            sa.text("ALTER TABLE channels ADD COLUMN graceTime INTEGER NOT NULL DEFAULT 30")
        )
    await migrate(first_database)
    await require_settings_of_revision_0002(first_database)


async def test_emails_of_older_databases_are_made_one_form(first_database: Database) -> None:
    addresses = {"u2": "JOSE\u0301@B", "u3": "Zoe\u0308@b", "u4": "zo\u00eb@b"}
    async with first_database.engine.begin() as connection:
        # The first collation of MySQL takes the last two for the same.
        is_mysql = connection.dialect.name != "sqlite"
        for user_id, email in addresses.items():
            if is_mysql and user_id == "u4":
                continue
            await connection.execute(
                sa.text("INSERT INTO users (id, email, passwordHash) VALUES (:id, :email, 'x')"),
                {"id": user_id, "email": email},
            )
    await migrate(first_database)
    async with first_database.read() as session:
        found = {user.id: user.email for user in await session.scalars(sa.select(User))}
    assert found["u2"] == "jos\u00e9@b"
    if is_mysql:
        assert found["u3"] == "zo\u00eb@b"
    else:  # the form that u3 should have is u4's: both stay as they are
        assert (found["u3"], found["u4"]) == ("Zoe\u0308@b", "zo\u00eb@b")


async def test_settings_of_channels_can_be_taken_back_and_given_again(
    first_database: Database,
) -> None:
    await migrate(first_database)
    async with first_database.engine.begin() as connection:
        await connection.run_sync(run_alembic, "downgrade", "0001")
    async with first_database.read() as session:
        row = (await session.execute(sa.text("SELECT * FROM channels"))).one()
    assert "graceTime" not in row._fields
    await migrate(first_database)
    await require_settings_of_revision_0002(first_database)


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
