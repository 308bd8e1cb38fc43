"""What everybody may know of a channel."""

import asyncio

from awazpulse.channels.public_view import MAX_LOOKUPS
from awazpulse.relay import Title
from tests.api.conftest import Panel, read_error

PATH = "/public/channels/demo"


async def test_off_air(panel: Panel) -> None:
    response = await panel.client.get(PATH)
    assert response.status == 200
    assert response.headers["Cache-Control"] == "public, max-age=1"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert await response.json() == {
        "channelId": "demo",
        "name": "Demo",
        "description": "",
        "isLive": False,
        "streamType": "hls",
        "playbackUrl": "http://radio.example:8088/hls/demo.m3u8",
        "playbackUrls": {"hls": "http://radio.example:8088/hls/demo.m3u8", "icecast": None},
        "title": "",
        "artist": "",
        "track": "",
        "listeners": None,
    }


async def test_on_air(panel: Panel) -> None:
    broadcast = await panel.radio.go_live()
    broadcast.set_title(Title.from_parts("Noor Jehan", "Geet"))
    body = await (await panel.client.get(PATH)).json()
    assert (body["isLive"], body["streamType"]) == (True, "hls")
    assert (body["title"], body["artist"], body["track"]) == (
        "Noor Jehan - Geet",
        "Noor Jehan",
        "Geet",
    )


async def test_settings_show_at_once(panel: Panel) -> None:
    headers = await panel.log_in()
    broadcast = await panel.radio.go_live()
    broadcast.listeners_of("hls").listener_joined()
    assert (await (await panel.client.get(PATH)).json())["listeners"] is None
    changed = await panel.client.patch(
        "/channels/demo",
        json={"name": "Another", "showListeners": True, "simulcast": True},
        headers=headers,
    )
    assert changed.status == 200, await changed.text()
    body = await (await panel.client.get(PATH)).json()
    assert (body["name"], body["listeners"]) == ("Another", 1)
    assert body["playbackUrls"]["icecast"] == "http://radio.example:8000/demo.mp3"
    await panel.client.delete("/channels/demo", headers=headers)
    await read_error(await panel.client.get(PATH), 404)


async def test_channels_that_are_none(panel: Panel) -> None:
    for name in ("nowhere", "DEMO", "a%20b", "x" * 100):
        await read_error(await panel.client.get(f"/public/channels/{name}"), 404)


async def test_the_database_is_asked_once_in_a_while(panel: Panel) -> None:
    for _ in range(3):
        assert (await panel.client.get(PATH)).status == 200
        await read_error(await panel.client.get("/public/channels/nowhere"), 404)
    panel.radio.sessions.is_away = True
    assert (await panel.client.get(PATH)).status == 200
    await read_error(await panel.client.get("/public/channels/nowhere"), 404)
    await read_error(await panel.client.get("/public/channels/new"), 503)


async def test_a_flood_of_strange_ids_is_turned_away(panel: Panel) -> None:
    count = 2 * MAX_LOOKUPS

    async def ask(number: int) -> int:
        return (await panel.client.get(f"/public/channels/no{number}")).status

    view = panel.services.public
    tasks = [asyncio.create_task(view.get(f"no{number}")) for number in range(count)]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    names = [type(result).__name__ for result in results]
    assert names.count("UnknownChannel") == names.count("ServiceUnavailable") == MAX_LOOKUPS
    assert await ask(0) == 404
