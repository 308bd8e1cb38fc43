import json
from collections import deque
from collections.abc import Callable

from awazpulse.channels.levels import LevelReport
from awazpulse.events.hub import EventHub
from awazpulse.events.messages import Message
from awazpulse.events.ticker import Ticker
from awazpulse.relay import Broadcast
from awazpulse.store import Database
from tests.awazpulse.channels.support import Radio, open_radio

jobs: deque[Callable[[], None]] = deque()


def read(messages: list[Message]) -> list[dict[str, object]]:
    while jobs:
        jobs.popleft()()
    told = [json.loads(message.whole) for message in messages]
    messages.clear()
    return told


async def test_counts_are_told_when_they_have_changed_and_somebody_reads(
    sqlite_database: Database,
) -> None:
    async with open_radio(sqlite_database) as radio:
        await check(radio)


async def check(radio: Radio) -> None:
    broadcast: Broadcast = await radio.go_live()
    hub = EventHub(jobs.append)
    asked: list[str] = []

    def read_levels(channel_id: str) -> LevelReport:
        asked.append(channel_id)
        return LevelReport("source", is_dead_air=False, peak_dbfs=(-1.0, -2.0))

    ticker = Ticker(hub, radio.manager.live_broadcasts, read_levels)
    ticker.tick()
    told: list[Message] = []
    reader = hub.subscribe(["demo"], told.append)
    broadcast.listeners_of("hls").listener_joined()
    ticker.tick()
    ticker.tick()
    (event,) = read(told)
    assert event["type"] == "listeners"
    assert event["data"] == {"hls": 1, "icecast": 0, "total": 1}
    broadcast.listeners_of("icecast").listener_joined()
    ticker.tick()
    (event,) = read(told)
    assert event["data"] == {"hls": 1, "icecast": 1, "total": 2}
    assert asked == []
    reader.end()
    loud: list[Message] = []
    hub.subscribe(["demo"], loud.append, with_levels=True)
    for _ in range(2):
        ticker.tick()
    assert [event["type"] for event in read(loud)] == ["levels", "levels"]
    ticker.tick()
    (event,) = read(loud)
    assert event["data"] == {
        "sound": "source",
        "isDeadAir": False,
        "peakDbfs": [-1.0, -2.0],
        "rmsDbfs": None,
        "isClipped": None,
        "isMono": None,
    }
    assert set(asked) == {"demo"}
