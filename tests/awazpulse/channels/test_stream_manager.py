import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import pytest
from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from awazpulse.channels import stream_manager
from awazpulse.channels.events import ChannelChange, ChannelEvent
from awazpulse.channels.records import PolicyRecord, load_channel, load_policies
from awazpulse.kinds import StreamStatus, StreamType
from awazpulse.refusals import (
    ChannelBusy,
    ChannelDisabled,
    ChannelInMaintenance,
    EncoderGone,
    EncodersFight,
    InvalidValue,
    Refusal,
    ServerDraining,
    ServiceUnavailable,
    TypeNotSelected,
    UnknownChannel,
    WrongSecret,
)
from awazpulse.relay import Broadcast, End, EndReason, Station
from awazpulse.store import Channel, Stream
from tests.awazpulse.channels.support import (
    LEFT,
    OWNER,
    STATION,
    FakeSource,
    Radio,
    lose,
    publish_second,
)

SWITCHED = "switched: the channel is set to Icecast"


async def open_as(radio: Radio, channel_id: str, stream_type: str, secret: str) -> Broadcast:
    return await radio.go_live(stream_type, channel_id=channel_id, secret=secret)


async def test_right_key_goes_on_air(radio: Radio) -> None:
    broadcast = await radio.go_live()
    assert radio.manager.live("demo") is broadcast
    assert radio.manager.live_broadcasts() == (broadcast,)
    assert (broadcast.stream_type, broadcast.max_listeners) == ("hls", 1000)
    await radio.manager.flush()
    row = await radio.row()
    assert (row.status, row.last_online_at) == (StreamStatus.LIVE, radio.clock.wall())


async def test_unknown_channel_is_refused(radio: Radio) -> None:
    for channel_id in ("nobody", "DEMO", "demo ", "", "../etc", "x" * 5000):
        with pytest.raises(UnknownChannel):
            await open_as(radio, channel_id, "hls", radio.stream_key)


async def test_wrong_secret_is_refused_before_anything_is_told(radio: Radio) -> None:
    await radio.catalog.set("demo", {"isActive": False})
    for secret in ("", "wrong", radio.stream_key[:-1], radio.source_password, "\ud800", "x" * 9999):
        with pytest.raises(WrongSecret):
            await open_as(radio, "demo", "hls", secret)
    with pytest.raises(WrongSecret):
        await open_as(radio, "demo", "icecast", radio.stream_key)


async def test_disabled_channel_takes_no_source(radio: Radio) -> None:
    await radio.catalog.set("demo", {"isActive": False})
    with pytest.raises(ChannelDisabled):
        await radio.go_live()


async def test_type_that_is_not_selected_is_refused_with_what_to_do(radio: Radio) -> None:
    with pytest.raises(TypeNotSelected) as refused:
        await radio.go_live("icecast")
    assert str(refused.value) == "channel demo is set to HLS; switch it to Icecast first"


@pytest.mark.parametrize("stream_type", ["hls", "icecast"])
async def test_right_key_takes_over_and_the_listeners_stay(radio: Radio, stream_type: str) -> None:
    await radio.manager.switch_stream_type("demo", stream_type)
    source = FakeSource()
    first = await radio.go_live(stream_type, source=source)
    second = await radio.go_live(stream_type)
    assert source.closed == ["taken over by another connection from 192.0.2.7:5555"]
    assert second is first
    assert not first.is_closed
    assert radio.deliveries[stream_type].ends == []
    await radio.manager.flush()
    assert (await radio.row(stream_type)).status is StreamStatus.LIVE


async def test_channel_that_refuses_takeovers_is_busy_until_its_source_falls_silent(
    radio: Radio,
) -> None:
    await radio.manager.switch_stream_type("demo", "icecast")
    await radio.set(takeover="refuse")
    first = await radio.go_live("icecast")
    radio.clock.now += 4.9
    with pytest.raises(ChannelBusy):
        await radio.go_live("icecast")
    publish_second(first, radio.clock.now)
    radio.clock.now += 4.9
    with pytest.raises(ChannelBusy):
        await radio.go_live("icecast")
    radio.clock.now += 0.1
    assert await radio.go_live("icecast") is first


async def test_source_that_has_just_come_is_not_stale_though_it_has_sent_nothing_yet(
    radio: Radio,
) -> None:
    await radio.set(takeover="refuse")
    broadcast = await radio.go_live()
    lose(broadcast, radio.clock.now)
    radio.clock.now += 20
    await radio.go_live()
    radio.clock.now += 1
    with pytest.raises(ChannelBusy):
        await radio.go_live()


async def test_source_that_is_lost_comes_back_into_the_same_broadcast(radio: Radio) -> None:
    await radio.set(takeover="refuse")
    first = await radio.go_live()
    lose(first, radio.clock.now)
    await radio.manager.flush()
    assert (await radio.row()).status is StreamStatus.LIVE
    radio.clock.now += 29.9
    assert await radio.go_live() is first


async def test_uptime_counts_what_is_on_air_and_not_the_wait_for_a_source(radio: Radio) -> None:
    broadcast = await radio.go_live()
    radio.clock.now += 60
    lose(broadcast, radio.clock.now)
    lost_at = radio.clock.wall()
    radio.clock.now += 20
    await radio.manager.flush()
    row = await radio.row()
    assert (row.status, row.total_uptime, row.last_online_at) == ("live", 60, lost_at)
    await radio.go_live()
    radio.clock.now += 40
    broadcast.close(LEFT)
    await radio.manager.flush()
    assert (await radio.row()).total_uptime == 100


async def test_end_of_the_grace_time_ends_the_broadcast_and_tells_why(radio: Radio) -> None:
    events: list[ChannelEvent] = []
    radio.manager.on_changed(events.append)
    await radio.set(graceTime=10)
    broadcast = await radio.go_live()
    lose(broadcast, radio.clock.now)
    broadcast.advance(radio.clock.now + 9.9)
    assert not broadcast.is_closed
    broadcast.advance(radio.clock.now + 10)
    why = "no encoder came back in time: 10 s after the encoder disconnected"
    assert str(broadcast.end) == why
    assert radio.deliveries["hls"].ends == [why]
    await radio.manager.flush()
    assert (await radio.row()).status is StreamStatus.OFFLINE
    assert [event.change for event in events] == [
        ChannelChange.ON_AIR,
        ChannelChange.SOURCE_CONNECTED,
        ChannelChange.SOURCE_LOST,
        ChannelChange.OFF_AIR,
    ]


async def test_source_that_turns_out_to_be_gone_makes_way_also_without_a_grace_time(
    radio: Radio,
) -> None:
    await radio.set(graceTime=0)
    former = FakeSource()
    broadcast = await radio.go_live(source=former)
    former.on_pull = lambda: lose(broadcast, radio.clock.now)
    again = await radio.go_live()
    assert broadcast.is_closed
    assert again is not broadcast
    assert not again.is_closed
    await radio.manager.flush()
    assert (await radio.row()).status is StreamStatus.LIVE


async def test_source_that_is_gone_when_the_login_is_decided_changes_nothing(radio: Radio) -> None:
    live = FakeSource()
    await radio.go_live(source=live)
    late = FakeSource()
    late.is_gone = True
    with pytest.raises(EncoderGone):
        await radio.go_live(source=late)
    assert live.closed == late.closed == []


async def test_two_encoders_that_fight_are_told_so_and_it_is_an_event(radio: Radio) -> None:
    events: list[ChannelEvent] = []
    radio.manager.on_changed(events.append)
    for _ in range(4):
        publish_second(await radio.go_live(), radio.clock.now)
        radio.clock.now += 1
    for _ in range(2):
        with pytest.raises(EncodersFight, match="take it from each other; the one at"):
            await radio.go_live()
    fights = [event for event in events if event.change is ChannelChange.ENCODERS_FIGHT]
    assert len(fights) == 1
    assert "stop one of them" in fights[0].detail
    radio.clock.now += 30
    await radio.go_live()


async def test_with_simulcast_both_rows_are_live_and_count_their_own_listeners(
    radio: Radio,
) -> None:
    await radio.set(simulcast=True)
    broadcast = await radio.go_live()
    assert broadcast.deliveries == {"hls", "icecast"}
    broadcast.listeners_of("icecast").listener_joined()
    await radio.manager.flush()
    rows = {row.stream_type: row for row in await radio.rows()}
    assert {kind: row.status for kind, row in rows.items()} == {"hls": "live", "icecast": "live"}
    assert [rows[StreamType(k)].current_listeners for k in ("hls", "icecast")] == [0, 1]
    broadcast.close(LEFT)
    await radio.manager.flush()
    assert [row.status for row in await radio.rows()] == [StreamStatus.OFFLINE] * 2


async def test_simulcast_is_switched_on_and_off_while_on_air(radio: Radio) -> None:
    broadcast = await radio.go_live()
    await radio.set(simulcast=True)
    assert broadcast.deliveries == {"hls", "icecast"}
    await radio.manager.flush()
    assert [row.status for row in await radio.rows()] == [StreamStatus.LIVE] * 2
    await radio.set(simulcast=False)
    assert broadcast.deliveries == {"hls"}
    assert radio.deliveries["icecast"].ends == ["this delivery was switched off"]
    await radio.manager.flush()
    statuses = {row.stream_type: row.status for row in await radio.rows()}
    assert statuses == {"hls": "live", "icecast": "offline"}
    assert not broadcast.is_closed


async def test_with_simulcast_a_switch_changes_the_credentials_and_the_listeners_stay(
    radio: Radio,
) -> None:
    await radio.set(simulcast=True)
    source = FakeSource()
    broadcast = await radio.go_live(source=source)
    await radio.manager.switch_stream_type("demo", "icecast")
    assert source.closed == [SWITCHED]
    assert not broadcast.is_closed
    assert broadcast.deliveries == {"hls", "icecast"}
    with pytest.raises(TypeNotSelected):
        await radio.go_live("hls")
    assert await radio.go_live("icecast") is broadcast
    await radio.manager.flush()
    assert [row.status for row in await radio.rows()] == [StreamStatus.LIVE] * 2


async def test_grace_time_changed_while_waiting_counts_at_once(radio: Radio) -> None:
    broadcast = await radio.go_live()
    lose(broadcast, radio.clock.now)
    await radio.set(graceTime=600)
    broadcast.advance(radio.clock.now + 599)
    assert not broadcast.is_closed
    await radio.set(graceTime=0)
    broadcast.advance(radio.clock.now)
    assert broadcast.is_closed


async def test_maintenance_refuses_sources_and_ends_what_is_on_air(radio: Radio) -> None:
    broadcast = await radio.go_live()
    await set_status(radio, StreamStatus.MAINTENANCE)
    await radio.manager.refresh("demo")
    assert str(broadcast.end) == "the channel is in maintenance"
    with pytest.raises(ChannelInMaintenance):
        await radio.go_live()
    await radio.manager.flush()
    assert (await radio.row()).status is StreamStatus.MAINTENANCE


async def test_scheduled_stream_goes_live_when_its_encoder_comes(radio: Radio) -> None:
    await set_status(radio, StreamStatus.SCHEDULED)
    broadcast = await radio.go_live()
    await radio.manager.flush()
    assert (await radio.row()).status is StreamStatus.LIVE
    broadcast.close(LEFT)
    await radio.manager.flush()
    assert (await radio.row()).status is StreamStatus.OFFLINE


async def set_status(radio: Radio, status: StreamStatus) -> None:
    row = await radio.row()
    async with radio.database.write() as session:
        row.status = status
        await session.merge(row)


async def test_deliveries_are_attached_before_the_source_may_publish(sqlite_radio: Radio) -> None:
    broadcast = await sqlite_radio.go_live()
    assert sqlite_radio.deliveries["hls"].attached == [broadcast]
    assert sqlite_radio.deliveries["icecast"].attached == []


async def test_delivery_that_cannot_be_attached_leaves_nothing_on_air(
    sqlite_radio: Radio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_broadcast: Broadcast) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr(sqlite_radio.deliveries["hls"], "attach", fail)
    with pytest.raises(RuntimeError, match="no room"):
        await sqlite_radio.go_live()
    assert sqlite_radio.manager.live("demo") is None


async def test_every_change_is_told_in_its_order(sqlite_radio: Radio) -> None:
    events: list[ChannelEvent] = []

    def fail(_event: ChannelEvent) -> None:
        raise RuntimeError("this one is ignored")

    sqlite_radio.manager.on_changed(fail)
    sqlite_radio.manager.on_changed(events.append)
    await sqlite_radio.go_live()
    await sqlite_radio.manager.switch_stream_type("demo", "icecast")
    end = End(EndReason.SWITCHED, why="the channel is set to Icecast")
    assert events == [
        ChannelEvent(ChannelChange.ON_AIR, "demo", "hls"),
        ChannelEvent(
            ChannelChange.SOURCE_CONNECTED,
            "demo",
            "hls",
            facts={"address": STATION.address, "encoder": "test/1"},
        ),
        ChannelEvent(ChannelChange.OFF_AIR, "demo", "hls", end),
        ChannelEvent(ChannelChange.SWITCHED, "demo", "icecast"),
    ]
    assert events[2].describe() == {
        "reason": "switched",
        "detail": "switched: the channel is set to Icecast",
    }


async def test_takeovers_refused_logins_and_titles_are_told_with_their_facts(
    sqlite_radio: Radio,
) -> None:
    events: list[ChannelEvent] = []
    broadcast = await sqlite_radio.go_live()
    sqlite_radio.manager.on_changed(events.append)
    station = Station(address="203.0.113.7", user_agent="butt/0.1.40")
    with pytest.raises(WrongSecret):
        await sqlite_radio.manager.connect("demo", "hls", "guess", FakeSource(), station)
    with pytest.raises(UnknownChannel):
        await sqlite_radio.manager.connect("nobody", "hls", "guess", FakeSource(), station)
    sqlite_radio.manager.set_title("demo", "Nina", "Sinnerman")
    await sqlite_radio.manager.connect(
        "demo", "hls", sqlite_radio.stream_key, FakeSource(), station
    )
    told = [(event.change, event.describe()) for event in events]
    assert told[0][0] is ChannelChange.LOGIN_REFUSED
    assert told[0][1]["reason"] == "wrong_secret"
    assert told[0][1]["address"] == "203.0.113.7"
    title = {"title": "Nina - Sinnerman", "artist": "Nina", "track": "Sinnerman", "url": ""}
    assert told[1] == (ChannelChange.TITLE, title)
    assert [change for change, _ in told[2:]] == [
        ChannelChange.SOURCE_CONNECTED,
        ChannelChange.TAKEN_OVER,
    ]
    assert told[2][1] == {"address": "203.0.113.7", "encoder": "butt/0.1.40"}
    assert +sqlite_radio.manager.refused_logins == Counter(wrong_secret=1, unknown_channel=1)
    assert not broadcast.is_closed


async def test_a_stop_closes_the_source_and_tells_who_did_it(sqlite_radio: Radio) -> None:
    source = FakeSource()
    await sqlite_radio.go_live(source=source)
    end = End(EndReason.STOPPED, who="owner@radio.example")
    assert sqlite_radio.manager.close_channel("demo", end)
    assert source.closed == ["stopped by owner@radio.example"]
    assert not sqlite_radio.manager.close_channel("demo", end)


async def test_refresh_applies_limits_and_charset_at_once(radio: Radio) -> None:
    broadcast = await radio.go_live()
    assert radio.manager.title_charset("demo") == "latin-1"
    await radio.catalog.set("demo", {"maxListeners": "30000", "titleCharset": "cp1256"})
    await radio.manager.refresh("demo")
    assert broadcast.max_listeners == 30000
    assert radio.manager.title_charset("demo") == "cp1256"


async def test_refresh_ends_a_disabled_channel(radio: Radio) -> None:
    broadcast = await radio.go_live()
    await radio.catalog.set("demo", {"isActive": "false"})
    await radio.manager.refresh("demo")
    assert str(broadcast.end) == "the channel was disabled"
    with pytest.raises(UnknownChannel):
        await radio.manager.refresh("nobody")


async def test_refresh_of_all_hears_of_a_switch_in_another_process(radio: Radio) -> None:
    broadcast = await radio.go_live()
    await radio.manager.flush()
    await radio.new_manager().switch_stream_type("demo", "icecast")
    await radio.manager.refresh_all()
    assert str(broadcast.end) == SWITCHED
    await radio.manager.flush()
    assert [row.status for row in await radio.rows()] == [StreamStatus.OFFLINE] * 2


async def test_refresh_of_all_ends_what_has_lost_its_rows(radio: Radio) -> None:
    broadcast = await radio.go_live()
    async with radio.database.write() as session:
        await session.execute(delete(Stream))
    await radio.manager.refresh_all()
    assert str(broadcast.end) == str(End(EndReason.REMOVED))
    async with radio.database.write() as session:
        await session.execute(delete(Channel))
    with pytest.raises(UnknownChannel):
        await radio.manager.refresh("demo")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ("hls", 1000, None)),
        ({"max_listeners": None}, ("hls", 1000, None)),
        ({"max_listeners": -5, "stream_type": None}, ("hls", 0, None)),
        ({"status": StreamStatus.MAINTENANCE}, ("hls", 1000, ChannelInMaintenance)),
        ({"is_active": False}, ("hls", 1000, ChannelDisabled)),
        ({"is_main_stream": None, "max_listeners": 7}, ("icecast", 1000, None)),
    ],
)
async def test_what_is_read_of_many_channels_means_what_whole_rows_mean(
    sqlite_radio: Radio,
    values: dict[str, object],
    expected: tuple[str, int, type[Exception] | None],
) -> None:
    await sqlite_radio.manager.switch_stream_type("demo", "icecast")
    async with sqlite_radio.database.write() as session:
        # Two that are marked: the older one counts.
        await session.execute(update(Stream).values(is_main_stream=True))
        hls = Stream.stream_type == StreamType.HLS
        created_at = datetime(2020, 1, 1)  # noqa: DTZ001  # as stored
        await session.execute(update(Stream).where(hls).values(created_at=created_at, **values))
    async with sqlite_radio.database.read() as session:
        whole = await load_channel(session, "demo")
        policy = (await load_policies(session, ["demo", "nobody"]))["demo"]
    for record in (whole, policy):
        refusal = None
        try:
            record.require_enabled()
        except ChannelDisabled as error:
            refusal = type(error)
        assert (record.selected_type, record.max_listeners, refusal) == expected


async def test_source_of_the_type_that_another_process_selected_takes_the_air(
    radio: Radio,
) -> None:
    old = await radio.go_live()
    await radio.new_manager().switch_stream_type("demo", "icecast")
    new = await radio.go_live("icecast")
    assert str(old.end) == SWITCHED
    assert radio.manager.live("demo") is new


async def test_refresh_of_all_puts_a_row_right_that_somebody_else_took_offline(
    radio: Radio,
) -> None:
    await radio.go_live()
    await radio.manager.flush()
    await radio.new_manager().repair()
    assert (await radio.row()).status is StreamStatus.OFFLINE
    await radio.manager.refresh_all()
    await radio.manager.flush()
    assert (await radio.row()).status is StreamStatus.LIVE


async def test_active_stream_is_what_is_on_air_and_nothing_off_air(radio: Radio) -> None:
    active = await radio.manager.get_active_stream("demo")
    assert (active.active_type, active.selected_type, active.status) == (None, "hls", "offline")
    assert active.stream is None
    assert await radio.manager.get_active_stream_type("demo") is None
    assert not await radio.manager.is_stream_type_active("demo", "hls")
    broadcast = await radio.go_live()
    broadcast.listeners_of("hls").listener_joined()
    active = await radio.manager.get_active_stream("demo")
    assert (active.active_type, active.selected_type, active.status) == ("hls", "hls", "live")
    assert active.stream is not None
    assert active.stream.current_listeners == 1  # as it is, not as it is written so far
    assert await radio.manager.get_active_stream_type("demo") is StreamType.HLS
    assert await radio.manager.is_stream_type_active("demo", "hls")
    assert not await radio.manager.is_stream_type_active("demo", "icecast")


async def test_questions_about_an_unknown_channel_or_type_are_refused(sqlite_radio: Radio) -> None:
    manager = sqlite_radio.manager
    for question in (manager.get_active_stream_type, manager.get_streams, manager.refresh):
        with pytest.raises(UnknownChannel):
            await question("nobody")
    for act in (manager.switch_stream_type, manager.is_stream_type_active):
        with pytest.raises(InvalidValue, match="expected hls or icecast"):
            await act("demo", "rtmp")


async def test_guesses_are_answered_later_and_later_and_the_right_secret_at_once(
    sqlite_radio: Radio,
) -> None:
    for _ in range(10):
        with pytest.raises(WrongSecret):
            await open_as(sqlite_radio, "demo", "hls", "a guess")
    assert sqlite_radio.clock.slept == [0.25, 0.5, 1.0, 2.0, 2.0]
    await sqlite_radio.go_live()
    assert len(sqlite_radio.clock.slept) == 5


async def test_ids_of_channels_are_not_found_faster_than_secrets(sqlite_radio: Radio) -> None:
    for number in range(8):
        with pytest.raises(UnknownChannel):
            await open_as(sqlite_radio, f"channel-{number}", "hls", "a guess")
    assert sqlite_radio.clock.slept == [0.25, 0.5, 1.0]
    with pytest.raises(UnknownChannel):
        await sqlite_radio.manager.authorize_source("other", "hls", "a guess", STATION.address)
    assert sqlite_radio.clock.slept == [0.25, 0.5, 1.0, 2.0]
    await sqlite_radio.go_live()
    assert len(sqlite_radio.clock.slept) == 4


async def test_title_login_of_what_is_on_air_needs_no_database(sqlite_radio: Radio) -> None:
    manager, password = sqlite_radio.manager, sqlite_radio.source_password
    await manager.switch_stream_type("demo", "icecast")
    await manager.authorize_source("demo", "icecast", password, "192.0.2.7")
    with pytest.raises(WrongSecret):
        await manager.authorize_source("demo", "icecast", "wrong", "192.0.2.7")
    await sqlite_radio.go_live("icecast")
    sqlite_radio.sessions.is_away = True
    await manager.authorize_source("demo", "icecast", password, "192.0.2.7")
    with pytest.raises(ServiceUnavailable):
        await manager.authorize_source("demo", "icecast", "wrong", "192.0.2.7")


async def test_secret_made_anew_refuses_the_old_one_and_leaves_the_air_alone(radio: Radio) -> None:
    broadcast = await radio.go_live()
    await radio.catalog.rotate("demo", StreamType.HLS)
    with pytest.raises(WrongSecret):
        await radio.go_live()
    assert not broadcast.is_closed


async def test_secret_made_anew_during_a_login_refuses_the_old_one(
    radio: Radio, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = radio.manager._login
    check = login.check

    async def check_then_rotate(
        channel: Channel, stream_type: StreamType, offered: str, address: str
    ) -> None:
        await check(channel, stream_type, offered, address)
        await radio.catalog.rotate("demo", StreamType.HLS)

    monkeypatch.setattr(login, "check", check_then_rotate)
    with pytest.raises(WrongSecret):
        await radio.go_live()


async def test_stopping_closes_every_source_and_writes_the_rows(radio: Radio) -> None:
    source = FakeSource()
    await radio.manager.start()
    await radio.go_live(source=source)
    await radio.manager.close()
    assert source.closed == ["the server stops"]
    assert (await radio.row()).status is StreamStatus.OFFLINE
    with pytest.raises(ServiceUnavailable):
        await radio.go_live()


async def test_stopping_waits_for_a_switch_no_longer_than_its_deadline(
    sqlite_radio: Radio, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_args: object, **_options: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(stream_manager, "commit_selection", hang)
    monkeypatch.setattr(stream_manager, "CLOSE_TIMEOUT_S", 0.1)
    monkeypatch.setattr(stream_manager, "MIN_ROWS_TIMEOUT_S", 0.05)
    switch = asyncio.create_task(sqlite_radio.manager.switch_stream_type("demo", "icecast"))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await sqlite_radio.manager.close()
        with pytest.raises(asyncio.CancelledError):
            await switch


async def test_no_lock_is_left_behind(sqlite_radio: Radio) -> None:
    await sqlite_radio.go_live()
    with pytest.raises(UnknownChannel):
        await open_as(sqlite_radio, "nobody", "hls", "")
    await sqlite_radio.manager.switch_stream_type("demo", "icecast")
    assert len(sqlite_radio.manager._locks) == 0


async def test_channel_that_another_process_has_switched_keeps_no_other_from_its_settings(
    radio: Radio,
) -> None:
    await radio.set(simulcast=True, graceTime=0)
    await radio.catalog.create("second", "Second", OWNER)
    key = (await radio.catalog.get_credentials("second")).hls.stream_key
    first = await radio.go_live()
    second = await radio.go_live(channel_id="second", secret=key.removeprefix("second?key="))
    other_process = radio.new_manager()
    await other_process.switch("demo", "icecast")
    await other_process.close()
    await radio.catalog.set("second", {"graceTime": 77})
    await radio.manager.refresh_all()
    assert first.is_closed
    assert second.policy.grace_s == 77


async def test_channel_that_fails_keeps_no_other_from_its_settings(
    radio: Radio, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await radio.catalog.create("second", "Second", OWNER)
    key = (await radio.catalog.get_credentials("second")).hls.stream_key
    await radio.go_live()
    second = await radio.go_live(channel_id="second", secret=key.removeprefix("second?key="))
    await radio.catalog.set("demo", {"simulcast": True})
    await radio.catalog.set("second", {"graceTime": 77})

    def fail(_broadcast: Broadcast) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr(radio.deliveries["icecast"], "attach", fail)
    await radio.manager.refresh_all()
    assert second.policy.grace_s == 77
    assert "channel=demo cannot be held to its rows" in caplog.text


async def test_with_simulcast_the_first_types_secret_sets_no_titles_after_a_switch(
    radio: Radio,
) -> None:
    await radio.set(simulcast=True)
    await radio.go_live("hls")
    await radio.manager.switch("demo", "icecast")
    with pytest.raises(Refusal):
        await radio.manager.authorize_source("demo", "icecast", radio.stream_key, "192.0.2.1")


@pytest.mark.parametrize("simulcast", [False, True])
async def test_rows_that_were_read_before_a_switch_end_nothing_after_it(
    radio: Radio, monkeypatch: pytest.MonkeyPatch, simulcast: bool
) -> None:
    await radio.set(simulcast=simulcast)
    await radio.go_live("hls")
    read, answer, real = asyncio.Event(), asyncio.Event(), load_policies

    async def load_slowly(session: AsyncSession, ids: Sequence[str]) -> dict[str, PolicyRecord]:
        records = await real(session, ids)
        read.set()
        await answer.wait()
        return records

    with monkeypatch.context() as slow:
        slow.setattr(stream_manager, "load_policies", load_slowly)
        rereading = asyncio.ensure_future(radio.manager.refresh_all())
        await read.wait()
        await radio.manager.switch("demo", "icecast")
        source = FakeSource()
        broadcast = await radio.go_live("icecast", source=source)
        answer.set()
        await rereading
    assert broadcast.stream_type == "icecast"
    assert not source.closed
    await radio.manager.refresh_all()
    assert radio.manager.live("demo") is broadcast


async def test_while_the_server_drains_no_source_is_taken_and_the_one_on_air_stays(
    sqlite_radio: Radio,
) -> None:
    broadcast = await sqlite_radio.go_live()
    sqlite_radio.manager.is_draining = True
    with pytest.raises(ServerDraining, match="about to stop"):
        await sqlite_radio.manager.connect(
            "demo", "hls", sqlite_radio.stream_key, FakeSource(), STATION
        )
    assert broadcast.input is not None
    assert +sqlite_radio.manager.refused_logins == Counter(server_draining=1)
