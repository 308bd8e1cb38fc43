import pytest

from awazpulse.channels.login_rules import (
    decrypt_secret,
    find_reason_to_end,
    fingerprint,
    get_secret_kind,
    require_secret,
    require_selected,
)
from awazpulse.channels.records import PolicyRecord, load_policies
from awazpulse.channels.secrets import SecretKind, Vault
from awazpulse.kinds import StreamStatus, StreamType
from awazpulse.refusals import TypeNotSelected, WrongSecret
from awazpulse.relay import Broadcast, End, EndReason
from tests.awazpulse.channels.support import SECRET_KEY, Radio


def broadcast_as(stream_type: str) -> Broadcast:
    return Broadcast("demo", stream_type, max_listeners=1, now=0.0)


async def policy_of(radio: Radio) -> PolicyRecord:
    async with radio.database.read() as session:
        return (await load_policies(session, ["demo"]))["demo"]


def test_each_type_is_opened_by_its_own_secret() -> None:
    assert get_secret_kind(StreamType.HLS) is SecretKind.STREAM_KEY
    assert get_secret_kind(StreamType.ICECAST) is SecretKind.SOURCE_PASSWORD


async def test_the_secret_is_the_channels_and_of_its_kind(sqlite_radio: Radio) -> None:
    channel, vault = (await sqlite_radio.catalog.get("demo")).channel, Vault(SECRET_KEY)
    assert decrypt_secret(channel, SecretKind.STREAM_KEY, vault) == sqlite_radio.stream_key
    require_secret(channel, SecretKind.SOURCE_PASSWORD, sqlite_radio.source_password, vault)
    for offered in ("", "wrong", sqlite_radio.stream_key):
        with pytest.raises(WrongSecret):
            require_secret(channel, SecretKind.SOURCE_PASSWORD, offered, vault)


async def test_the_type_must_be_the_selected_one(sqlite_radio: Radio) -> None:
    record = await sqlite_radio.catalog.get("demo")
    require_selected(record, StreamType.HLS)
    with pytest.raises(TypeNotSelected):
        require_selected(record, StreamType.ICECAST)


async def test_what_is_on_air_may_stay_while_its_rows_allow_it(sqlite_radio: Radio) -> None:
    assert find_reason_to_end(await policy_of(sqlite_radio), broadcast_as("hls")) is None
    assert find_reason_to_end(None, broadcast_as("hls")) == End(EndReason.REMOVED)


async def test_a_disabled_channel_and_one_in_maintenance_end(sqlite_radio: Radio) -> None:
    await sqlite_radio.catalog.set("demo", {"isActive": False})
    policy = await policy_of(sqlite_radio)
    assert find_reason_to_end(policy, broadcast_as("hls")) == End(EndReason.DISABLED)
    await sqlite_radio.catalog.set("demo", {"isActive": True})
    row = await sqlite_radio.row()
    async with sqlite_radio.database.write() as session:
        row.status = StreamStatus.MAINTENANCE
        await session.merge(row)
    policy = await policy_of(sqlite_radio)
    assert find_reason_to_end(policy, broadcast_as("hls")) == End(EndReason.MAINTENANCE)


async def test_another_selected_type_ends_a_channel_unless_it_has_simulcast(
    sqlite_radio: Radio,
) -> None:
    end = find_reason_to_end(await policy_of(sqlite_radio), broadcast_as("icecast"))
    assert end is not None
    assert end.reason is EndReason.SWITCHED
    await sqlite_radio.catalog.set("demo", {"simulcast": True})
    assert find_reason_to_end(await policy_of(sqlite_radio), broadcast_as("icecast")) is None


def test_a_fingerprint_stands_for_one_secret_and_does_not_hold_it() -> None:
    assert fingerprint("a secret") == fingerprint("a secret") != fingerprint("another")
    assert b"a secret" not in fingerprint("a secret")
    assert fingerprint("\ud800")
