import pytest
import sqlalchemy as sa

from awazpulse.channels.catalog import ChannelCatalog
from awazpulse.channels.secrets import Vault
from awazpulse.kinds import StreamStatus, StreamType
from awazpulse.refusals import (
    AlreadyExists,
    InvalidValue,
    ServiceUnavailable,
    UnknownChannel,
    UnknownUser,
    UnreadableSecrets,
)
from tests.awazpulse.channels.support import OWNER, URLS, Radio


async def test_new_channel_starts_with_hls_selected(radio: Radio) -> None:
    record = await radio.catalog.get("demo")
    assert (record.channel.name, record.channel.owner_id) == ("Demo", radio.owner.id)
    assert record.selected_type is StreamType.HLS
    (stream,) = record.streams
    assert (stream.status, stream.is_main_stream) == (StreamStatus.OFFLINE, True)
    assert stream.stream_url == "http://radio.example:8088/hls/demo.m3u8"


async def test_channel_and_its_new_owner_are_made_together_or_not_at_all(radio: Radio) -> None:
    ada = await radio.accounts.new_user("ada@radio.example", "a good password")
    with pytest.raises(AlreadyExists, match="demo"):
        await radio.catalog.create("demo", "Again", ada)
    assert await radio.accounts.count() == 1
    bob = await radio.accounts.new_user("bob@radio.example", "a good password")
    channel = await radio.catalog.create("bob", "Bob", bob)
    assert (await radio.accounts.find("bob@radio.example")).id == channel.owner_id
    assert (await radio.catalog.get("bob")).selected_type is StreamType.HLS


async def test_channels_are_listed_by_id(radio: Radio) -> None:
    for channel_id in ("zulu", "alpha"):
        await radio.catalog.create(channel_id, channel_id.title(), OWNER)
    assert [c.id for c in await radio.catalog.list_all()] == ["alpha", "demo", "zulu"]


async def test_channel_id_is_taken_in_any_case(radio: Radio) -> None:
    for channel_id in ("demo", "Demo"):
        with pytest.raises(AlreadyExists, match=channel_id):
            await radio.catalog.create(channel_id, "Again", OWNER)


@pytest.mark.parametrize("channel_id", ["", "a b", "a/b", "ä", "x" * 37, "demo\n", "a.mp3"])
async def test_channel_id_that_no_url_takes_is_refused(
    sqlite_radio: Radio, channel_id: str
) -> None:
    with pytest.raises(InvalidValue, match="expected 1 to 36 letters"):
        await sqlite_radio.catalog.create(channel_id, "Name", OWNER)


async def test_channel_needs_a_name_and_an_owner(sqlite_radio: Radio) -> None:
    await sqlite_radio.catalog.create("x" * 36, "n" * 255, OWNER)
    for name in ("", "  ", "n" * 256):
        with pytest.raises(InvalidValue, match="name"):
            await sqlite_radio.catalog.create("other", name, OWNER)
    with pytest.raises(UnknownUser):
        await sqlite_radio.catalog.create("other", "Other", "nobody@x")
    with pytest.raises(UnknownChannel):
        await sqlite_radio.catalog.get("other")


async def test_secrets_are_not_in_the_database_as_they_are(radio: Radio) -> None:
    async with radio.database.read() as session:
        rows = (await session.execute(sa.text("SELECT * FROM channels"))).all()
    for secret in (radio.stream_key, radio.source_password):
        assert len(secret) >= 24
        assert secret not in repr(rows)
    assert radio.stream_key != radio.source_password


async def test_credentials_show_no_secret_in_their_repr(sqlite_radio: Radio) -> None:
    shown = repr(await sqlite_radio.catalog.get_credentials("demo"))
    assert sqlite_radio.stream_key not in shown
    assert sqlite_radio.source_password not in shown


async def test_settings_of_both_streams_are_set_on_each(radio: Radio) -> None:
    await radio.manager.switch_stream_type("demo", "icecast")
    await radio.catalog.set("demo", {"maxListeners": "30000", "name": "New", "quality": "high"})
    record = await radio.catalog.get("demo")
    assert record.channel.name == "New"
    assert [(s.max_listeners, s.name, s.quality) for s in record.streams] == [
        (30000, "New", "high")
    ] * 2


async def test_settings_are_all_set_or_none(radio: Radio) -> None:
    with pytest.raises(InvalidValue):
        await radio.catalog.set("demo", {"name": "New", "maxListeners": "many"})
    assert (await radio.catalog.get("demo")).channel.name == "Demo"
    with pytest.raises(UnknownChannel):
        await radio.catalog.set("nobody", {"name": "New"})


async def test_new_secret_replaces_the_old_one_alone(radio: Radio) -> None:
    before = await radio.catalog.get_credentials("demo")
    rotated = await radio.catalog.rotate("demo", StreamType.ICECAST)
    after = await radio.catalog.get_credentials("demo")
    assert after.icecast.password != before.icecast.password
    assert after.hls == before.hls
    assert after.icecast == rotated
    assert await radio.catalog.rotate("demo", StreamType.HLS) != before.hls


async def test_other_secret_key_is_an_error_that_says_what_to_do(radio: Radio) -> None:
    other = ChannelCatalog(radio.sessions, Vault("another secret key"), lambda: URLS)
    with pytest.raises(UnreadableSecrets, match="AWAZPULSE_SECRET_KEY"):
        await other.get_credentials("demo")
    rotated = await other.rotate("demo", StreamType.HLS)
    with pytest.raises(ServiceUnavailable, match="cannot check the login"):
        await radio.go_live()
    await other.rotate("demo", StreamType.ICECAST)
    assert (await other.get_credentials("demo")).hls == rotated


async def test_absent_database_is_a_refusal(sqlite_radio: Radio) -> None:
    catalog = sqlite_radio.catalog
    sqlite_radio.sessions.is_away = True
    for attempt in (
        catalog.get("demo"),
        catalog.list_all(),
        catalog.set("demo", {"name": "New"}),
        catalog.create("other", "Other", OWNER),
        catalog.rotate("demo", StreamType.HLS),
    ):
        with pytest.raises(ServiceUnavailable):
            await attempt
