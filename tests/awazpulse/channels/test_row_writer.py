import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import event, select

from awazpulse.channels.row_state import MAX_TEXT_CHARACTERS, UPTIME_STEP_S
from awazpulse.kinds import StreamStatus
from awazpulse.relay import Station, Title
from awazpulse.store import Database, DatabaseUnavailable, Stream, migrate, open_database
from tests.awazpulse.channels.support import (
    AAC_TRACK,
    LEFT,
    MP3_TRACK,
    FakeSource,
    Radio,
    input_of,
    open_radio,
    publish_second,
)
from tests.mariadb import MariaDb

DEADLINE_S = 10.0


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not is_true():  # noqa: ASYNC110  # what changes it tells nobody
            await asyncio.sleep(0.005)


async def test_row_tells_what_is_on_air(radio: Radio) -> None:
    broadcast = await radio.go_live()
    publish_second(broadcast, radio.clock.now, AAC_TRACK)
    broadcast.set_title(Title.from_text("فيروز - نسم علينا الهوى"))
    broadcast.listeners_of("hls").listener_joined()
    await radio.manager.flush()
    row = await radio.row()
    assert (row.status, row.format, row.bitrate, row.current_listeners) == ("live", "aac", 192, 1)
    assert (row.current_artist, row.current_track) == ("فيروز", "نسم علينا الهوى")
    assert row.last_online_at == radio.clock.wall()
    broadcast.listeners_of("hls").listener_left()
    input_of(broadcast).set_track(MP3_TRACK)
    await radio.manager.flush()
    row = await radio.row()
    assert (row.format, row.current_listeners) == ("mp3", 0)


async def test_row_is_offline_after_the_end_and_its_uptime_has_grown(radio: Radio) -> None:
    broadcast = await radio.go_live()
    broadcast.listeners_of("hls").listener_joined()
    await radio.manager.flush()
    radio.clock.now += 75.5
    broadcast.close(LEFT)
    await radio.manager.flush()
    row = await radio.row()
    assert (row.status, row.current_listeners, row.total_uptime) == ("offline", 0, 75)
    assert row.last_online_at == radio.clock.wall()
    assert len(radio.manager._rows) == 0


async def test_uptime_adds_up_over_broadcasts_written_or_not(radio: Radio) -> None:
    for flushes in (True, False, True, False):
        broadcast = await radio.go_live()
        if flushes:
            await radio.manager.flush()
        radio.clock.now += 100
        if not flushes:
            broadcast.close(LEFT)
    await radio.manager.flush()
    assert (await radio.row()).total_uptime == 400


async def test_uptime_is_not_counted_twice_when_a_commit_is_repeated(radio: Radio) -> None:
    broadcast = await radio.go_live()
    radio.clock.now += 60
    broadcast.close(LEFT)
    radio.sessions.fail_at_commit = True
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable):
            await radio.manager.flush()
    radio.sessions.fail_at_commit = False
    await radio.manager.flush()
    assert (await radio.row()).total_uptime == 60


async def test_crash_loses_at_most_the_last_steps_uptime_and_is_repaired(radio: Radio) -> None:
    broadcast = await radio.go_live()
    broadcast.listeners_of("hls").listener_joined()
    for _ in range(100):
        radio.clock.now += 1
        await radio.manager.flush()
    assert 70 <= ((await radio.row()).total_uptime or 0) <= 100
    await radio.new_manager().repair()  # the next start of a server that was killed
    row = await radio.row()
    assert (row.status, row.current_listeners, row.current_track) == ("offline", 0, None)
    assert 70 <= (row.total_uptime or 0) <= 100


async def test_repair_leaves_what_others_have_set_and_puts_the_addresses_right(
    radio: Radio,
) -> None:
    row = await radio.row()
    async with radio.database.write() as session:
        row.status, row.stream_url = StreamStatus.SCHEDULED, "http://old.example/demo.m3u8"
        await session.merge(row)
    await radio.new_manager().repair()
    row = await radio.row()
    assert row.status is StreamStatus.SCHEDULED
    assert row.stream_url == "http://radio.example:8088/hls/demo.m3u8"


async def test_row_that_is_true_is_not_written_again(
    sqlite_radio: Radio, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sqlite_radio.go_live()
    await sqlite_radio.manager.flush()
    sqlite_radio.clock.now += 1
    monkeypatch.setattr(sqlite_radio.sessions, "write", None)
    await sqlite_radio.manager.flush()


async def test_measured_bitrate_is_written_when_it_has_moved_for_good(
    sqlite_radio: Radio,
) -> None:
    broadcast = await sqlite_radio.go_live()
    for declared, expected in ((128, 128), (133, 128), (121, 121), (64, 64)):
        input_of(broadcast).set_station(Station(bitrate_kbps=declared))
        await sqlite_radio.manager.flush()
        assert (await sqlite_radio.row()).bitrate == expected


async def test_title_of_any_length_and_content_fits_its_column(radio: Radio) -> None:
    broadcast = await radio.go_live()
    await radio.manager.flush()
    for text in ("é" * 1000, "\U0001f4fb" * 300, "\ud800 lone", "'; DROP TABLE streams; --"):
        broadcast.set_title(Title.from_text(text))
        await radio.manager.flush()
        expected = text[:MAX_TEXT_CHARACTERS].replace("\ud800", "?")
        assert (await radio.row()).current_track == expected


async def test_row_that_cannot_be_written_keeps_no_other_from_it(
    radio: Radio, caplog: pytest.LogCaptureFixture
) -> None:
    await radio.catalog.create("other", "Other", radio.owner.email)
    key = (await radio.catalog.get_credentials("other")).hls.stream_key.partition("=")[2]
    station = Station(bitrate_kbps=2**70)
    poisoned = await radio.go_live(channel_id="other", secret=key, station=station)
    await radio.go_live()
    await radio.manager.flush()
    assert (await radio.row()).status is StreamStatus.LIVE
    (logged,) = caplog.records
    assert "its row cannot be written" in logged.message
    assert not poisoned.is_closed


async def test_rows_that_change_alike_are_written_by_one_call(radio: Radio) -> None:
    broadcasts = [await radio.go_live()]
    for number in range(4):
        name = f"other{number}"
        await radio.catalog.create(name, "Other", radio.owner.email)
        key = (await radio.catalog.get_credentials(name)).hls.stream_key.partition("=")[2]
        broadcasts.append(await radio.go_live(channel_id=name, secret=key))
    await radio.manager.flush()
    for number, broadcast in enumerate(broadcasts):
        for _ in range(number):
            broadcast.listeners_of("hls").listener_joined()
    broadcasts[0].set_title(Title.from_text("Alone"))
    radio.clock.now += UPTIME_STEP_S
    calls: list[bool] = []

    def count(*arguments: object) -> None:
        if str(arguments[2]).startswith("UPDATE"):
            calls.append(bool(arguments[-1]))

    engine = radio.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", count)
    await radio.manager.flush()
    event.remove(engine, "before_cursor_execute", count)
    # Their order is that of the rows' ids, so what is alike may be cut in two.
    assert len(calls) <= 3
    assert any(calls)  # of many rows
    async with radio.database.read() as session:
        rows = {row.channel_id: row for row in await session.scalars(select(Stream))}
    assert {row.total_uptime for row in rows.values()} == {UPTIME_STEP_S}
    names = ["demo", *(f"other{number}" for number in range(4))]
    assert [rows[name].current_listeners for name in names] == [0, 1, 2, 3, 4]
    assert [rows[name].current_track for name in names] == ["Alone", None, None, None, None]


async def test_row_that_is_gone_does_no_harm(radio: Radio) -> None:
    broadcast = await radio.go_live()
    row = await radio.row()
    async with radio.database.write() as session:
        await session.delete(row)
    await radio.manager.flush()
    broadcast.close(LEFT)
    await radio.manager.flush()
    assert len(radio.manager._rows) == 0


async def test_late_write_cannot_bring_a_row_back_on_air_that_was_switched_off(
    radio: Radio,
) -> None:
    broadcast = await radio.go_live()
    await radio.new_manager().switch_stream_type("demo", "icecast")
    await radio.manager.flush()  # goes live, as far as this process has heard
    assert (await radio.row()).status is StreamStatus.OFFLINE
    broadcast.listeners_of("hls").listener_joined()
    await radio.manager.flush()
    assert (await radio.row()).current_listeners == 0


async def test_change_during_a_write_is_written_by_the_next(radio: Radio) -> None:
    broadcast = await radio.go_live()
    writing = asyncio.ensure_future(radio.manager.flush())
    for _ in range(3):
        await asyncio.sleep(0)
    broadcast.close(LEFT)
    await writing
    await radio.manager.flush()
    assert (await radio.row()).status is StreamStatus.OFFLINE
    assert len(radio.manager._rows) == 0


async def test_absent_database_ends_nothing_and_pending_stays_one_state_a_stream(
    radio: Radio,
) -> None:
    broadcast = await radio.go_live()
    radio.sessions.is_away = True
    for number in range(1000):
        broadcast.set_title(Title.from_text(f"Title {number}"))
        with pytest.raises(DatabaseUnavailable):
            await radio.manager.flush()
    assert not broadcast.is_closed
    assert len(radio.manager._rows) == 1
    radio.sessions.is_away = False
    await radio.manager.flush()
    assert (await radio.row()).current_track == "Title 999"


async def test_writer_writes_by_itself_and_comes_back_after_an_outage(
    sqlite_radio: Radio, caplog: pytest.LogCaptureFixture
) -> None:
    manager = sqlite_radio.manager
    await manager.start()
    broadcast = await sqlite_radio.go_live()
    states = manager._rows._states
    await until(lambda: all(state.written for state in states.values()))
    assert (await sqlite_radio.row()).status is StreamStatus.LIVE
    sqlite_radio.sessions.is_away = True
    with caplog.at_level(logging.INFO, "awazpulse.channels.row_writer"):
        broadcast.close(LEFT)
        await until(lambda: "stream rows wait" in caplog.text)
        sqlite_radio.sessions.is_away = False
        await until(lambda: not states)
        await until(lambda: "written again" in caplog.text)
    assert (await sqlite_radio.row()).status is StreamStatus.OFFLINE


async def test_writer_survives_a_pass_that_fails_unexpectedly(
    sqlite_radio: Radio, caplog: pytest.LogCaptureFixture
) -> None:
    manager = sqlite_radio.manager
    await manager.start()

    broadcast = await sqlite_radio.go_live()
    (state,) = manager._rows.find(broadcast)
    state.broadcast = object()  # type: ignore[assignment]  # nothing that a row can tell of
    await until(lambda: "a pass over the stream rows failed" in caplog.text)
    state.broadcast = broadcast
    assert manager._rows._task is not None
    assert not manager._rows._task.done()


async def test_stop_with_an_absent_database_takes_no_longer_than_its_deadline(
    sqlite_radio: Radio, caplog: pytest.LogCaptureFixture
) -> None:
    source = FakeSource()
    await sqlite_radio.manager.start()
    await sqlite_radio.go_live(source=source)
    sqlite_radio.sessions.is_away = True
    async with asyncio.timeout(DEADLINE_S):
        await sqlite_radio.manager.close()
    assert source.closed
    assert "1 rows are left unwritten" in caplog.text


@asynccontextmanager
async def closing(database: Database) -> AsyncIterator[None]:
    try:
        await migrate(database)
        yield
    finally:
        await database.close()


async def test_mariadb_that_is_killed_ends_nothing_and_the_rows_catch_up(
    own_mariadb: MariaDb,
) -> None:
    database = open_database(own_mariadb.create_database())
    async with closing(database), open_radio(database) as radio:
        await radio.manager.start()
        broadcast = await radio.go_live()
        await radio.manager.flush()
        own_mariadb.stop()
        broadcast.set_title(Title.from_text("Still on air"))
        with pytest.raises(DatabaseUnavailable):
            await radio.manager.flush()
        assert not broadcast.is_closed
        await asyncio.to_thread(own_mariadb.start)
        await radio.manager.flush()
        row = await radio.row()
        assert (row.status, row.current_track) == ("live", "Still on air")
        await radio.manager.switch_stream_type("demo", "icecast")
