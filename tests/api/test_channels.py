"""Channels made, listed, set and put away, by the API."""

from typing import Any

import pytest

from awazpulse.channels.channel_settings import JSON_NAMES
from awazpulse.refusals import ChannelDisabled
from tests.api.conftest import Panel, read_error


@pytest.fixture
async def owner(panel: Panel) -> dict[str, str]:
    return await panel.log_in()


@pytest.fixture
async def admin(panel: Panel) -> dict[str, str]:
    return await panel.add_user("admin@radio.example", "admin")


async def make(panel: Panel, who: dict[str, str], **fields: object) -> dict[str, Any]:
    response = await panel.client.post("/channels", json=fields, headers=who)
    assert response.status == 201, await response.text()
    made: dict[str, Any] = await response.json()
    return made


async def limit(panel: Panel, admin: dict[str, str], **limits: int) -> None:
    path = f"/users/{panel.radio.owner.id}"
    assert (await panel.client.patch(path, json=limits, headers=admin)).status == 200


async def test_owner_makes_a_channel_with_settings_and_can_go_on_air(
    panel: Panel, owner: dict[str, str]
) -> None:
    made = await make(panel, owner, id="jazz", name="Jazz", graceTime=60, maxListeners=30)
    assert (made["id"], made["name"], made["graceTime"]) == ("jazz", "Jazz", 60)
    assert (made["maxListeners"], made["selectedType"]) == (30, "hls")
    assert made["ownerId"] == panel.radio.owner.id
    shown = await (await panel.client.get("/channels/jazz", headers=owner)).json()
    assert shown == made
    assert made.keys() >= set(JSON_NAMES)
    credentials = await panel.client.get("/streams/channel/jazz/credentials", headers=owner)
    key = (await credentials.json())["hls"]["streamKey"].removeprefix("jazz?key=")
    await panel.radio.go_live(channel_id="jazz", secret=key)


async def test_channel_without_an_id_gets_one(panel: Panel, owner: dict[str, str]) -> None:
    made = await make(panel, owner, name="Jazz")
    assert (await panel.client.get(f"/channels/{made['id']}", headers=owner)).status == 200


async def test_making_a_channel_again_by_id_changes_nothing(
    panel: Panel, owner: dict[str, str]
) -> None:
    made = await make(panel, owner, id="jazz", name="Jazz")
    again = await panel.client.post("/channels", json={"id": "jazz", "name": "X"}, headers=owner)
    assert (again.status, (await again.json())["name"]) == (200, "Jazz")
    assert (await again.json()) == made
    stranger = await panel.add_user("stranger@radio.example")
    for channel_id in ("jazz", "JAZZ"):
        taken = await panel.client.post("/channels", json={"id": channel_id}, headers=stranger)
        assert "exists already" in await read_error(taken, 409)


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "a/b"},
        {"id": ""},
        {"id": "x" * 37},
        {"id": "jazz", "name": " "},
        {"id": "jazz", "graceTime": 601},
        {"id": "jazz", "graceTime": "60"},
        {"id": "jazz", "takeover": "fight"},
        {"id": "jazz", "fallbackPath": "/etc/passwd"},
    ],
)
async def test_channel_that_cannot_be_is_refused_and_not_made(
    panel: Panel, owner: dict[str, str], fields: dict[str, object]
) -> None:
    response = await panel.client.post("/channels", json=fields, headers=owner)
    await read_error(response, 400)
    listed = await (await panel.client.get("/channels", headers=owner)).json()
    assert [item["id"] for item in listed["items"]] == ["demo"]


async def test_administrator_makes_channels_for_owners_and_sees_all(
    panel: Panel, owner: dict[str, str], admin: dict[str, str]
) -> None:
    await make(panel, admin, id="news", ownerId=panel.radio.owner.id)
    await make(panel, admin, id="own")

    async def list_ids(who: dict[str, str], **query: str) -> list[str]:
        response = await panel.client.get("/channels", params=query, headers=who)
        assert response.status == 200, await response.text()
        return [item["id"] for item in (await response.json())["items"]]

    assert await list_ids(owner) == ["demo", "news"]
    assert await list_ids(admin) == ["demo", "news", "own"]
    assert await list_ids(admin, ownerId=panel.radio.owner.id) == ["demo", "news"]
    assert await list_ids(admin, limit="1", after="demo") == ["news"]
    others = await panel.client.get("/channels", params={"ownerId": "x"}, headers=owner)
    await read_error(others, 403)
    foreign = {"id": "x", "ownerId": "somebody"}
    await read_error(await panel.client.post("/channels", json=foreign, headers=owner), 403)
    unknown = await panel.client.post("/channels", json=foreign, headers=admin)
    assert "somebody" in await read_error(unknown, 404)


async def test_owner_has_as_many_channels_and_listeners_as_the_operator_allows(
    panel: Panel, owner: dict[str, str], admin: dict[str, str]
) -> None:
    await limit(panel, admin, maxChannels=2, maxListeners=300)
    made = await make(panel, owner, id="two")
    assert made["maxListeners"] == 300
    third = {"id": "three"}
    refused = await panel.client.post("/channels", json=third, headers=owner)
    assert "may have 2 channels" in await read_error(refused, 403)
    many = {"maxListeners": 301}
    refused = await panel.client.patch("/channels/two", json=many, headers=owner)
    assert "allows 300" in await read_error(refused, 403)
    await panel.client.delete("/channels/two", headers=owner)
    await make(panel, owner, **third)
    refused = await panel.client.post("/channels/two/restore", headers=owner)
    assert "may have 2 channels" in await read_error(refused, 403)


async def test_setting_holds_for_what_is_on_air_and_nobody_goes(
    panel: Panel, owner: dict[str, str]
) -> None:
    broadcast = await panel.radio.go_live()
    changed = await panel.client.patch("/channels/demo", json={"graceTime": 77}, headers=owner)
    assert (await changed.json())["graceTime"] == 77
    assert broadcast.policy.grace_s == 77
    assert panel.radio.manager.live("demo") is broadcast


async def test_whole_number_may_be_spelled_as_a_fraction(
    panel: Panel, owner: dict[str, str]
) -> None:
    body = '{"graceTime": 60.0, "name": "Jazz"}'
    changed = await panel.client.patch("/channels/demo", data=body, headers=owner)
    assert (await changed.json())["graceTime"] == 60
    for wrong in ('{"graceTime": 60.5}', '{"graceTime": NaN}', '{"graceTime": 1e400}', "[60.0]"):
        response = await panel.client.patch("/channels/demo", data=wrong, headers=owner)
        await read_error(response, 400)


async def test_only_administrators_disable_a_channel(
    panel: Panel, owner: dict[str, str], admin: dict[str, str]
) -> None:
    await panel.radio.go_live()
    off = {"isActive": False}
    await read_error(await panel.client.patch("/channels/demo", json=off, headers=owner), 403)
    assert panel.radio.manager.live("demo") is not None
    assert (await panel.client.patch("/channels/demo", json=off, headers=admin)).status == 200
    assert panel.radio.manager.live("demo") is None


async def test_channel_that_is_put_away_is_off_air_unlisted_and_comes_back_as_it_was(
    panel: Panel, owner: dict[str, str]
) -> None:
    await panel.radio.go_live()
    away = await panel.client.delete("/channels/demo", headers=owner)
    assert (await away.json())["archivedAt"] is not None
    assert panel.radio.manager.live("demo") is None
    with pytest.raises(ChannelDisabled):
        await panel.radio.go_live()
    listed = await (await panel.client.get("/channels", headers=owner)).json()
    assert listed["items"] == []
    archived = await panel.client.get("/channels?archived=true", headers=owner)
    assert [item["id"] for item in (await archived.json())["items"]] == ["demo"]
    back = await panel.client.post("/channels/demo/restore", headers=owner)
    assert (await back.json())["archivedAt"] is None
    await panel.radio.go_live()


async def test_channels_of_a_disabled_owner_go_off_air_and_take_no_source(
    panel: Panel, admin: dict[str, str]
) -> None:
    await panel.radio.go_live()
    path = f"/users/{panel.radio.owner.id}"
    await panel.client.patch(path, json={"isActive": False}, headers=admin)
    await panel.radio.manager.refresh("demo")
    assert panel.radio.manager.live("demo") is None
    with pytest.raises(ChannelDisabled, match="account of the owner"):
        await panel.radio.go_live()
