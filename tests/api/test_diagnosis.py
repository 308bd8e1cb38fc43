from typing import Any

import pytest

from awazpulse.refusals import WrongSecret
from awazpulse.relay import Station
from tests.api.conftest import Panel
from tests.awazpulse.channels.support import STATION, FakeSource, lose, publish_second

PATH = "/streams/channel/demo/diagnosis"


async def read(panel: Panel) -> dict[str, Any]:
    response = await panel.client.get(PATH, headers=await panel.log_in())
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    answer: dict[str, Any] = await response.json()
    return answer


async def test_a_channel_to_which_nothing_has_happened(panel: Panel) -> None:
    assert await read(panel) == {
        "channelId": "demo",
        "state": "off",
        "sound": "nothing",
        "onAirSeconds": None,
        "source": None,
        "audio": None,
        "quality": None,
        "happenings": [],
    }


async def test_a_wrong_key_an_encoder_and_its_loss(panel: Panel) -> None:
    stranger = Station(address="203.0.113.7", user_agent="guesser/1")
    with pytest.raises(WrongSecret):
        await panel.radio.manager.connect("demo", "hls", "guess", FakeSource(), stranger)
    broadcast = await panel.radio.go_live()
    publish_second(broadcast, panel.radio.clock.now)
    answer = await read(panel)
    assert (answer["state"], answer["sound"]) == ("on air", "source")
    assert answer["source"]["address"] == STATION.address
    assert answer["source"]["encoder"] == "test/1"
    assert answer["audio"]["codec"] in ("aac", "mp3")
    assert answer["onAirSeconds"] >= 0
    kinds = [happening["type"] for happening in answer["happenings"]]
    assert kinds == ["source_heard", "source_connected", "on_air", "login_refused"]
    refused = answer["happenings"][-1]
    assert refused["data"]["reason"] == "wrong_secret"
    assert refused["data"]["address"] == "203.0.113.7"
    assert refused["count"] == 1
    lose(broadcast, panel.radio.clock.now)
    answer = await read(panel)
    assert answer["source"] is None
    assert answer["state"] == "waiting for its source"
    lost = answer["happenings"][0]
    assert lost["type"] == "source_lost"
    assert lost["data"]["reason"]
