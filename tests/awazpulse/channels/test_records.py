from datetime import datetime
from typing import Any

import sqlalchemy as sa

from awazpulse.channels.records import ChannelPolicy, load_channel, load_policies
from awazpulse.kinds import FormatChange, StreamType, TakeoverPolicy
from awazpulse.store import Stream, User
from tests.awazpulse.channels.support import OWNER, Radio

OTHER_THAN_DEFAULT: dict[str, Any] = {
    "id": "demo",
    "is_active": False,
    "archived_at": datetime(2026, 1, 2, 3, 4, 5),  # noqa: DTZ001  # as the tables hold times
    "is_owner_active": False,
    "title_charset": "cp1251",
    "grace_time": 600,
    "takeover": TakeoverPolicy.REFUSE,
    "format_change": FormatChange.END,
    "fallback_after": 0,
    "always_on": True,
    "simulcast": True,
    "dead_air_level": -20,
    "dead_air_after": 3600,
    "dead_air_fallback": True,
    "fallback_file": "fallback/demo/x.mp3",
    "fallback_title": "Soon again",
    "encrypted_stream_key": "v1.key",
    "encrypted_source_password": "v1.password",  # of no use
}


def test_every_column_of_a_policy_is_tested() -> None:
    assert tuple(OTHER_THAN_DEFAULT) == ChannelPolicy._fields


async def test_policy_says_what_the_channels_whole_row_says(radio: Radio) -> None:
    await radio.manager.switch_stream_type("demo", "icecast")
    async with radio.database.write() as session:
        record = await load_channel(session, "demo")
        for name, value in OTHER_THAN_DEFAULT.items():
            if name != "is_owner_active":  # a column of the owner's row
                setattr(record.channel, name, value)
        await session.execute(sa.update(User).values(is_active=False))
    async with radio.database.read() as session:
        policy = (await load_policies(session, ["demo"]))["demo"]
        record = await load_channel(session, "demo")
    assert policy.channel._asdict() == OTHER_THAN_DEFAULT
    assert {name: getattr(record.channel, name) for name in OTHER_THAN_DEFAULT} == (
        OTHER_THAN_DEFAULT
    )
    assert [stream.stream_type for stream in policy.streams] == [
        stream.stream_type for stream in record.streams
    ]
    assert policy.selected_type is StreamType.ICECAST


async def test_policies_of_many_channels_are_apart_and_unknown_ones_left_out(radio: Radio) -> None:
    await radio.catalog.create("other", "Other", OWNER)
    await radio.catalog.set("other", {"graceTime": 7})
    async with radio.database.read() as session:
        policies = await load_policies(session, ["demo", "other", "nobody"])
    assert {id_: record.channel.grace_time for id_, record in policies.items()} == {
        "demo": 30,
        "other": 7,
    }


async def test_policy_of_a_channel_without_streams_has_none(radio: Radio) -> None:
    async with radio.database.write() as session:
        await session.execute(sa.delete(Stream))
    async with radio.database.read() as session:
        policy = (await load_policies(session, ["demo"]))["demo"]
    assert policy.streams == ()
    assert policy.selected_type is StreamType.HLS
