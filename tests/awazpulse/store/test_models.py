"""The tables as other programs see them: by raw SQL, with column names and values as specified."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from awazpulse.kinds import Role, StreamStatus, StreamType
from awazpulse.store import Channel, Database, Stream, User, utc_now

# name, type, may be NULL, default: the schema that other programs rely on
STREAMS = [
    ("id", "varchar(36)", False, None),
    ("name", "varchar(255)", False, None),
    ("description", "text", True, None),
    ("streamUrl", "varchar(255)", False, None),
    ("backupStreamUrl", "varchar(255)", True, None),
    ("streamType", "enum('hls','icecast')", True, "hls"),
    ("icecastMountPoint", "varchar(255)", True, None),
    ("status", "enum('live','offline','scheduled','maintenance')", True, "offline"),
    ("quality", "enum('low','medium','high','hd')", True, "medium"),
    ("bitrate", "int(11)", True, "128"),
    ("format", "varchar(50)", True, "mp3"),
    ("currentListeners", "int(11)", True, "0"),
    ("maxListeners", "int(11)", True, "1000"),
    ("isActive", "tinyint(1)", True, "1"),
    ("isMainStream", "tinyint(1)", True, "0"),
    ("lastOnlineAt", "datetime", True, None),
    ("totalUptime", "int(11)", True, "0"),
    ("currentShowId", "varchar(36)", True, None),
    ("currentTrack", "varchar(255)", True, None),
    ("currentArtist", "varchar(255)", True, None),
    ("metadata", "longtext", True, None),  # what MariaDB's JSON is
    ("channelId", "varchar(36)", False, None),
    ("createdAt", "datetime", False, "utc_timestamp()"),
    ("updatedAt", "datetime", False, "utc_timestamp()"),
]


async def execute(database: Database, sql: str, **values: object) -> Sequence[sa.Row[Any]]:
    async with database.write() as session:
        result = await session.execute(sa.text(sql), values)
        return result.all() if isinstance(result, sa.CursorResult) and result.returns_rows else []


async def insert_channel(database: Database) -> None:
    await execute(database, "INSERT INTO users (id, email, passwordHash) VALUES ('u1', 'a@b', 'x')")
    await execute(
        database,
        "INSERT INTO channels (id, name, ownerId, encryptedStreamKey, encryptedSourcePassword)"
        " VALUES ('c1', 'One', 'u1', 'x', 'y')",
    )


async def insert_stream(database: Database, columns: str = "", values: str = "") -> None:
    await execute(
        database,
        f"INSERT INTO streams (id, name, streamUrl, channelId{columns})"
        f" VALUES ('s1', 'One', 'http://x', 'c1'{values})",
    )


async def test_mysql_describes_streams_as_specified(database: Database) -> None:
    if database.engine.dialect.name == "sqlite":
        rows = await execute(database, "SELECT name, \"notnull\" FROM pragma_table_info('streams')")
        assert [tuple(r) for r in rows] == [(n, int(not null)) for n, _, null, _ in STREAMS]
        return
    rows = await execute(database, "DESCRIBE streams")
    described = [
        (row.Field, row.Type, row.Null == "YES", None if row.Default == "NULL" else row.Default)
        for row in rows
    ]
    assert described == STREAMS


async def test_indexes_bear_the_names_that_are_specified(database: Database) -> None:
    def read(connection: sa.Connection) -> dict[str | None, list[str | None]]:
        return {i["name"]: i["column_names"] for i in sa.inspect(connection).get_indexes("streams")}

    async with database.engine.connect() as connection:
        indexes = await connection.run_sync(read)
    assert indexes["idx_channel_type"] == ["channelId", "streamType"]
    assert indexes["idx_status"] == ["status"]


async def test_row_inserted_with_required_columns_alone_has_the_defaults(
    database: Database,
) -> None:
    await insert_channel(database)
    await insert_stream(database)
    async with database.read() as session:
        user = (await session.scalars(sa.select(User))).one()
        channel = (await session.scalars(sa.select(Channel))).one()
        stream = (await session.scalars(sa.select(Stream))).one()
    assert user.role is Role.STATION_OWNER
    assert (channel.is_active, channel.title_charset) == (True, "latin-1")
    assert (stream.stream_type, stream.status) == (StreamType.HLS, StreamStatus.OFFLINE)
    assert (stream.quality, stream.bitrate, stream.format) == ("medium", 128, "mp3")
    assert (stream.current_listeners, stream.max_listeners, stream.total_uptime) == (0, 1000, 0)
    assert (stream.is_active, stream.is_main_stream) == (True, False)
    for time in (user.created_at, channel.updated_at, stream.created_at, stream.updated_at):
        assert abs(time - utc_now()) < timedelta(minutes=5)


@pytest.mark.parametrize(
    ("column", "values"),
    [("takeover", ["takeover", "refuse"]), ("formatChange", ["continue", "end"])],
)
async def test_enum_of_a_channel_takes_its_values_and_no_other(
    database: Database, column: str, values: list[str]
) -> None:
    await insert_channel(database)
    for value in values:
        await execute(database, f"UPDATE channels SET {column} = '{value}'")
    with pytest.raises(DBAPIError):
        await execute(database, f"UPDATE channels SET {column} = 'other'")


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("streamType", ["hls", "icecast"]),
        ("status", ["live", "offline", "scheduled", "maintenance"]),
        ("quality", ["low", "medium", "high", "hd"]),
    ],
)
async def test_enum_takes_its_values_and_no_other(
    database: Database, column: str, values: list[str]
) -> None:
    await insert_channel(database)
    await insert_stream(database)
    for value in values:
        await execute(database, f"UPDATE streams SET {column} = '{value}'")
    with pytest.raises(DBAPIError):
        await execute(database, f"UPDATE streams SET {column} = 'other'")


async def test_stream_of_no_channel_is_refused(database: Database) -> None:
    with pytest.raises(IntegrityError):
        await insert_stream(database)


INSERT_USER = "INSERT INTO users (id, email, passwordHash) VALUES (:id, :email, 'x')"


async def test_emails_are_unique_and_compare_by_bytes(database: Database) -> None:
    for number, email in enumerate(("jose@b", "jos\u00e9@b", "jose\u0301@b")):
        await execute(database, INSERT_USER, id=f"u{number}", email=email)
    with pytest.raises(IntegrityError):
        await execute(database, INSERT_USER, id="u9", email="jos\u00e9@b")
    async with database.read() as session:
        found = await session.scalars(sa.select(User.id).where(User.email == "jos\u00e9@b"))
        assert list(found) == ["u1"]


@pytest.mark.parametrize("other", ["\u00fc1", "u\u03081"])
async def test_identifiers_compare_by_bytes(database: Database, other: str) -> None:
    await insert_channel(database)
    await execute(database, INSERT_USER, id=other, email="u@b")
    async with database.read() as session:
        assert list(await session.scalars(sa.select(User.id).where(User.id == other))) == [other]
        assert (await session.scalars(sa.select(Channel.owner_id))).one() == "u1"


async def test_text_of_any_alphabet_and_json_come_back_as_they_went(database: Database) -> None:
    await insert_channel(database)
    await insert_stream(database)
    async with database.write() as session:
        stream = (await session.scalars(sa.select(Stream))).one()
        stream.current_track = "إذاعة 📻 Ünïcode"
        stream.extra = {"genre": ["jazz", "ليل"]}
        stream.last_online_at = datetime(2026, 3, 29, 2, 30)  # noqa: DTZ001  # naive UTC, as stored
    async with database.read() as session:
        stream = (await session.scalars(sa.select(Stream))).one()
    assert stream.current_track == "إذاعة 📻 Ünïcode"
    assert stream.extra == {"genre": ["jazz", "ليل"]}
    assert stream.last_online_at == datetime(2026, 3, 29, 2, 30)  # noqa: DTZ001


async def test_every_updated_row_bears_its_time(database: Database) -> None:
    await insert_channel(database)
    await insert_stream(database, ", updatedAt", ", '2000-01-01 00:00:00'")
    async with database.write() as session:
        await session.execute(sa.update(Stream).values(current_listeners=5))
    async with database.read() as session:
        stream = (await session.scalars(sa.select(Stream))).one()
    assert stream.updated_at.year > 2000
