import asyncio

import pytest
from aiohttp.test_utils import TestClient, TestServer

from api.app import create_app
from awazpulse.channels import levels
from awazpulse.channels.fallback_files import FallbackFiles
from tests.api.conftest import Panel, make_services, read_error
from tests.awazpulse.channels.support import publish_second

PATH = "/streams/channel/demo/levels"


async def test_nothing_is_on_air(panel: Panel) -> None:
    response = await panel.client.get(PATH, headers=await panel.log_in())
    assert await response.json() == {
        "channelId": "demo",
        "sound": "nothing",
        "isDeadAir": False,
        "peakDbfs": None,
        "rmsDbfs": None,
        "isClipped": None,
        "isMono": None,
    }


async def test_levels_of_what_the_source_sends_come_while_somebody_asks(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(levels, "TURN_S", 0.005)
    files = FallbackFiles(panel.radio.sessions, panel.folder, panel.prober)
    services = make_services(panel.radio, panel.tokens, files, panel.readiness)
    monitor = services.levels
    assert isinstance(monitor, levels.LevelMonitor)
    broadcast = await panel.radio.go_live()
    headers = await panel.log_in()
    monitor.start()
    async with TestClient(TestServer(create_app(services))) as client:
        async with asyncio.timeout(5):
            body: dict[str, object] = {}
            while body.get("rmsDbfs") is None:
                publish_second(broadcast, panel.radio.clock.now)
                await asyncio.sleep(0.01)
                body = await (await client.get(PATH, headers=headers)).json()
    await monitor.close()
    assert body == {
        "channelId": "demo",
        "sound": "source",
        "isDeadAir": False,
        "peakDbfs": [-1.0, -2.0],
        "rmsDbfs": [-14.0, -15.5],
        "isClipped": False,
        "isMono": True,
    }


async def test_levels_are_the_owners_and_the_administrators(panel: Panel) -> None:
    for role, status in (("station_owner", 403), ("admin", 200)):
        headers = await panel.add_user(f"{role}@radio.example", role)
        response = await panel.client.get(PATH, headers=headers)
        assert response.status == status
    await read_error(await panel.client.get(PATH), 401)
    headers = await panel.log_in()
    await read_error(await panel.client.get("/streams/channel/nobody/levels", headers=headers), 404)
