import dataclasses

import pytest

from awazpulse.channels.credential_memory import CredentialMemory
from awazpulse.channels.login_rules import fingerprint
from awazpulse.channels.records import ChannelRecord, load_policies
from awazpulse.kinds import StreamType
from awazpulse.refusals import ChannelBusy, ServiceUnavailable
from awazpulse.store import Channel
from tests.awazpulse.channels.support import Radio, lose, publish_second

HOUR = 3600.0
HLS = StreamType.HLS


@pytest.fixture
def radio(sqlite_radio: Radio) -> Radio:
    """A radio whose manager remembers logins for an hour."""
    sqlite_radio.credential_memory_s = HOUR
    sqlite_radio.manager = sqlite_radio.new_manager()
    return sqlite_radio


async def come_and_go(radio: Radio, stream_type: str = "hls") -> None:
    await radio.set(graceTime=0)
    lose(await radio.go_live(stream_type), radio.clock.now)
    assert radio.manager.live("demo") is None
    await radio.manager.flush()


async def refuse(radio: Radio, stream_type: str = "hls", secret: str | None = None) -> None:
    with pytest.raises(ServiceUnavailable):
        await radio.go_live(stream_type, secret=secret)
    assert radio.manager.live("demo") is None


@pytest.mark.parametrize("stream_type", ["hls", "icecast"])
async def test_login_that_was_right_is_good_without_a_database_and_rows_follow(
    radio: Radio, stream_type: str
) -> None:
    await radio.manager.switch("demo", stream_type)
    await come_and_go(radio, stream_type)
    radio.sessions.is_away = True
    broadcast = await radio.go_live(stream_type)
    assert broadcast.deliveries == {stream_type}
    publish_second(broadcast, radio.clock.now)
    await radio.manager.authorize_source("demo", stream_type, radio.secret(stream_type), "1.2.3.4")
    radio.sessions.is_away = False
    await radio.manager.flush()
    assert (await radio.row(stream_type)).status == "live"


async def test_uptime_of_a_broadcast_by_memory_is_added_to_what_there_was(radio: Radio) -> None:
    await radio.set(graceTime=0)
    for is_away in (False, True):
        radio.sessions.is_away = is_away
        broadcast = await radio.go_live()
        publish_second(broadcast, radio.clock.now)
        radio.clock.now += 100
        lose(broadcast, radio.clock.now)
        radio.sessions.is_away = False
        await radio.manager.flush()
    assert (await radio.row()).total_uptime == 200


async def test_secret_that_was_not_right_lately_opens_nothing(radio: Radio) -> None:
    await come_and_go(radio)
    radio.sessions.is_away = True
    for _ in range(8):
        await refuse(radio, secret="a guess")
    assert radio.clock.slept  # who guesses waits longer and longer
    await refuse(radio, "icecast")
    await radio.go_live()


async def test_nothing_is_remembered_after_its_time_or_without_one(radio: Radio) -> None:
    await come_and_go(radio)
    radio.sessions.is_away = True
    radio.clock.now += HOUR
    await refuse(radio)
    radio.sessions.is_away = False
    radio.credential_memory_s = 0
    radio.manager = radio.new_manager()
    await come_and_go(radio)
    radio.sessions.is_away = True
    await refuse(radio)


async def test_being_on_air_is_a_use_to_its_end(radio: Radio) -> None:
    await radio.set(graceTime=0)
    broadcast = await radio.go_live()
    radio.clock.now += 5 * HOUR
    radio.sessions.is_away = True
    lose(broadcast, radio.clock.now)
    radio.clock.now += HOUR - 1
    broadcast = await radio.go_live()
    radio.manager.stop("demo", "somebody")
    radio.clock.now += HOUR
    await refuse(radio)


async def test_new_secret_ends_the_old_one_at_once_also_by_another_process(radio: Radio) -> None:
    await come_and_go(radio)
    await radio.catalog.rotate("demo", HLS)
    await radio.manager.refresh("demo")
    radio.sessions.is_away = True
    await refuse(radio)
    radio.sessions.is_away = False
    radio.stream_key = (await radio.catalog.get_credentials("demo")).hls.stream_key.split("=")[1]
    await come_and_go(radio)
    await radio.catalog.rotate("demo", HLS)
    await radio.manager.refresh_all()  # the pass, which finds it by itself
    radio.sessions.is_away = True
    await refuse(radio)


async def test_rotation_of_the_other_types_secret_changes_nothing(radio: Radio) -> None:
    await come_and_go(radio)
    await radio.catalog.rotate("demo", StreamType.ICECAST)
    await radio.manager.refresh("demo")
    radio.sessions.is_away = True
    await radio.go_live()


async def test_change_that_cannot_be_read_forgets_the_login(radio: Radio) -> None:
    await come_and_go(radio)
    radio.sessions.is_away = True
    with pytest.raises(ServiceUnavailable):
        await radio.manager.refresh("demo")
    await refuse(radio)


@pytest.mark.parametrize("how", ["disabled", "archived", "owner", "switched"])
async def test_channel_that_may_not_be_on_air_is_forgotten(radio: Radio, how: str) -> None:
    await come_and_go(radio)
    if how == "disabled":
        await radio.set(isActive=False)
    elif how == "archived":
        await radio.catalog.archive("demo", is_archived=True)
        await radio.manager.refresh("demo")
    elif how == "owner":
        await radio.accounts.change(radio.owner.id, {"is_active": False})
        await radio.manager.refresh_all()
    else:
        await radio.manager.switch("demo", "icecast")
    radio.sessions.is_away = True
    await refuse(radio)


async def test_takeover_goes_by_the_rules_of_the_rows_that_were_read_last(radio: Radio) -> None:
    await radio.set(takeover="refuse")
    await radio.go_live()
    radio.sessions.is_away = True
    with pytest.raises(ChannelBusy):
        await radio.go_live()


async def test_login_is_forgotten_in_favour_of_newer_ones_at_the_limit(radio: Radio) -> None:
    record = await radio.catalog.get("demo")
    memory = CredentialMemory(HOUR, max_entries=2)
    for name in ("a", "b", "c"):
        channel = Channel(id=name, encrypted_stream_key="x")
        memory.remember(dataclasses.replace(record, channel=channel), HLS, "secret", 0.0)
    assert [name in memory for name in ("a", "b", "c")] == [False, True, True]
    assert memory.find("b", HLS, "secret", 0.0) is not None
    assert memory.list_ids(HOUR - 1) == ["c", "b"]
    assert memory.list_ids(HOUR) == []


async def test_rows_that_were_read_before_a_login_do_not_revise_it(radio: Radio) -> None:
    record: ChannelRecord = await radio.catalog.get("demo")
    async with radio.database.read() as session:
        policies = await load_policies(session, ["demo"])
    memory = CredentialMemory(HOUR)
    before = memory.version
    record.channel.encrypted_stream_key = "a new one"
    memory.remember(record, HLS, "secret", 0.0)
    memory.revise("demo", policies["demo"], before)
    assert "demo" in memory
    memory.revise("demo", policies["demo"], memory.version)
    assert "demo" not in memory


async def test_what_is_remembered_is_no_secret(radio: Radio) -> None:
    record = await radio.catalog.get("demo")
    memory = CredentialMemory(HOUR)
    memory.remember(record, HLS, "the secret", 0.0)
    entry = memory._entries["demo"]
    assert "the secret" not in repr(entry)
    assert entry.fingerprint == fingerprint("the secret")
