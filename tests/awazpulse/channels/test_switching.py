import asyncio
from contextlib import AsyncExitStack

import pytest

from awazpulse.kinds import Quality, StreamStatus, StreamType
from awazpulse.refusals import Refusal, ServiceUnavailable, TypeNotSelected
from awazpulse.relay import Input, Title
from awazpulse.store import Stream, WriteConflict
from awazpulse.store.database import MAX_TRANSACTIONS
from tests.awazpulse.channels.support import LEFT, STATION, FakeSource, Radio

SWITCHED = "switched: the channel is set to Icecast"


async def connect_many(radio: Radio) -> None:
    """Open the pool's connections first, or who comes second waits for its own to be made."""
    async with AsyncExitStack() as stack:
        for _ in range(MAX_TRANSACTIONS):
            await stack.enter_async_context(radio.database.read())


async def selected(radio: Radio) -> list[str | None]:
    return [row.stream_type for row in await radio.rows() if row.is_main_stream]


async def test_switch_makes_the_other_row_like_its_sibling(radio: Radio) -> None:
    await radio.catalog.set(
        "demo", {"maxListeners": 7, "quality": "hd", "bitrate": 192, "description": "ours"}
    )
    stream = await radio.manager.switch_stream_type("demo", "icecast")
    assert stream.stream_type is StreamType.ICECAST
    row = await radio.row("icecast")
    assert row.id == stream.id
    assert (row.name, row.description) == ("Demo", "ours")
    assert (row.max_listeners, row.quality, row.bitrate) == (7, Quality.HD, 192)
    assert row.icecast_mount_point == "/demo.mp3"
    assert row.stream_url == "http://radio.example:8000/demo.mp3"
    assert (row.status, row.is_main_stream, row.is_active) == (StreamStatus.OFFLINE, True, True)
    assert (await radio.row("hls")).is_main_stream is False


async def test_switch_back_finds_the_row_that_there_was(radio: Radio) -> None:
    first = await radio.row("hls")
    await radio.manager.switch_stream_type("demo", "icecast")
    assert (await radio.manager.switch_stream_type("demo", "hls")).id == first.id
    assert len(await radio.rows()) == 2


async def test_switch_ends_what_is_on_air_and_its_row_is_right(radio: Radio) -> None:
    source = FakeSource()
    broadcast = await radio.go_live(source=source)
    broadcast.listeners_of("hls").listener_joined()
    broadcast.set_title(Title.from_text("Someone - Something"))
    await radio.manager.flush()
    radio.clock.now += 90
    await radio.manager.switch_stream_type("demo", "icecast")
    assert source.closed == [SWITCHED]
    assert radio.manager.live("demo") is None
    for _ in range(2):  # what the switch has written, then what the row writer adds: the same
        row = await radio.row("hls")
        assert (row.status, row.current_listeners) == (StreamStatus.OFFLINE, 0)
        assert (row.current_track, row.current_artist) == (None, None)
        assert (row.total_uptime, row.last_online_at) == (90, radio.clock.wall())
        await radio.manager.flush()


async def test_other_encoder_is_accepted_after_the_switch_and_the_first_is_not(
    radio: Radio,
) -> None:
    await radio.go_live()
    await radio.manager.switch_stream_type("demo", "icecast")
    with pytest.raises(TypeNotSelected, match="is set to Icecast; switch it to HLS first"):
        await radio.go_live("hls")
    assert (await radio.go_live("icecast")).stream_type == "icecast"


async def test_switch_to_the_selected_type_leaves_what_is_on_air(radio: Radio) -> None:
    broadcast = await radio.go_live()
    await radio.manager.flush()
    before = await radio.row()
    radio.clock.now += 10
    stream = await radio.manager.switch_stream_type("demo", "hls")
    assert not broadcast.is_closed
    assert stream.status is StreamStatus.LIVE
    after = await radio.row()
    assert (after.status, after.updated_at) == (before.status, before.updated_at)
    assert await selected(radio) == ["hls"]


async def test_double_switch_at_once_makes_one_row(radio: Radio) -> None:
    streams = await asyncio.gather(
        *(radio.manager.switch_stream_type("demo", "icecast") for _ in range(5))
    )
    assert len({stream.id for stream in streams}) == 1
    assert len(await radio.rows()) == 2
    assert await selected(radio) == ["icecast"]


async def test_double_switch_from_two_processes_makes_one_row(radio: Radio) -> None:
    await connect_many(radio)
    managers = [radio.new_manager() for _ in range(4)]
    streams = await asyncio.gather(*(m.switch_stream_type("demo", "icecast") for m in managers))
    assert len({stream.id for stream in streams}) == 1
    assert len(await radio.rows()) == 2
    assert await selected(radio) == ["icecast"]


async def test_opposite_switches_from_many_processes_leave_one_type_selected(
    radio: Radio,
) -> None:
    await connect_many(radio)
    await asyncio.gather(
        *(
            radio.new_manager().switch_stream_type("demo", stream_type)
            for stream_type in ("icecast", "hls") * 4
        )
    )
    assert len(await radio.rows()) == 2
    assert len(await selected(radio)) == 1


async def test_switch_and_login_at_once_never_leave_the_other_type_on_air(radio: Radio) -> None:
    for stream_type, other in (("hls", "icecast"), ("icecast", "hls")) * 3:
        opened, _ = await asyncio.gather(
            radio.go_live(stream_type),
            radio.manager.switch_stream_type("demo", other),
            return_exceptions=True,
        )
        live = radio.manager.live("demo")
        assert live is None
        if isinstance(opened, BaseException):
            assert isinstance(opened, Refusal)
        else:
            assert opened.is_closed
        await radio.manager.flush()
        assert StreamStatus.LIVE not in [row.status for row in await radio.rows()]


async def test_takeover_and_the_end_of_the_first_at_once(radio: Radio) -> None:
    first = await radio.go_live()
    opening = asyncio.ensure_future(radio.go_live())
    while not opening.done():
        await asyncio.sleep(0)
        first.close(LEFT)
    second = await opening
    assert radio.manager.live("demo") is second
    await radio.manager.flush()
    assert (await radio.row()).status is StreamStatus.LIVE


async def test_many_takeovers_at_once_are_a_fight_and_leave_one_on_air(radio: Radio) -> None:
    sources = [FakeSource() for _ in range(8)]
    answers = await asyncio.gather(
        *(radio.manager.connect("demo", "hls", radio.stream_key, s, STATION) for s in sources),
        return_exceptions=True,
    )
    inputs = [answer for answer in answers if isinstance(answer, Input)]
    assert sorted(len(source.closed) for source in sources) == [0] * 5 + [1] * 3
    assert sorted(source_input.is_open for source_input in inputs) == [False] * 3 + [True]
    assert len(radio.manager.live_broadcasts()) == 1


async def test_failed_transaction_stops_and_changes_nothing(radio: Radio) -> None:
    broadcast = await radio.go_live()
    await radio.manager.flush()
    radio.sessions.fail_at_commit = True
    with pytest.raises(ServiceUnavailable, match="cannot switch the channel"):
        await radio.manager.switch_stream_type("demo", "icecast")
    radio.sessions.fail_at_commit = False
    assert radio.manager.live("demo") is broadcast
    assert [(r.stream_type, r.status) for r in await radio.rows()] == [("hls", "live")]
    assert await selected(radio) == ["hls"]


async def test_absent_database_refuses_a_switch_and_leaves_the_air_alone(radio: Radio) -> None:
    broadcast = await radio.go_live()
    radio.sessions.is_away = True
    with pytest.raises(ServiceUnavailable):
        await radio.manager.switch_stream_type("demo", "icecast")
    assert not broadcast.is_closed


async def test_conflict_with_another_transaction_is_tried_again(
    sqlite_radio: Radio, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, conflicts = sqlite_radio.sessions.write, [WriteConflict("deadlock")] * 2

    def conflict_at_first() -> object:
        if conflicts:
            raise conflicts.pop()
        return write()

    monkeypatch.setattr(sqlite_radio.sessions, "write", conflict_at_first)
    await sqlite_radio.manager.switch_stream_type("demo", "icecast")
    assert await selected(sqlite_radio) == ["icecast"]


async def test_switch_goes_through_though_its_caller_is_cancelled(radio: Radio) -> None:
    source = FakeSource()
    await radio.go_live(source=source)
    caller = asyncio.ensure_future(radio.manager.switch_stream_type("demo", "icecast"))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await radio.manager.close()  # waits for switches under way
    assert len(source.closed) == 1
    assert await selected(radio) == ["icecast"]


@pytest.mark.parametrize("marks", [(None, None), (True, True), (False, None)])
async def test_rows_that_other_programs_left_half_marked_are_put_right(
    radio: Radio, marks: tuple[bool | None, bool | None]
) -> None:
    await radio.manager.switch_stream_type("demo", "icecast")
    rows = await radio.rows()
    async with radio.database.write() as session:
        for row, mark in zip(rows, marks, strict=True):
            row.is_main_stream = mark
            await session.merge(row)
    await radio.manager.switch_stream_type("demo", "hls")
    assert await selected(radio) == ["hls"]


async def test_channel_without_any_row_gets_one_when_its_encoder_comes(radio: Radio) -> None:
    row = await radio.row()
    async with radio.database.write() as session:
        await session.delete(row)
    await radio.go_live()
    await radio.manager.flush()
    row = await radio.row()
    assert (row.status, row.is_main_stream, row.name) == (StreamStatus.LIVE, True, "Demo")


async def test_maintenance_of_the_other_row_is_left_to_whoever_set_it(radio: Radio) -> None:
    row = await radio.row()
    async with radio.database.write() as session:
        row.status = StreamStatus.MAINTENANCE
        await session.merge(row)
    await radio.manager.switch_stream_type("demo", "icecast")
    assert (await radio.row("hls")).status is StreamStatus.MAINTENANCE
    await radio.go_live("icecast")


async def test_stream_of_another_channel_is_not_touched(radio: Radio) -> None:
    await radio.catalog.create("other", "Other", radio.owner.email)
    credentials = await radio.catalog.get_credentials("other")
    key = credentials.hls.stream_key.removeprefix("other?key=")
    other = await radio.go_live(channel_id="other", secret=key)
    await radio.go_live()
    await radio.manager.switch_stream_type("demo", "icecast")
    assert not other.is_closed
    await radio.manager.flush()
    async with radio.database.read() as session:
        rows = await radio.manager.get_streams("other")
        row = await session.get(Stream, rows[0].id)
    assert row is not None
    assert row.status is StreamStatus.LIVE
