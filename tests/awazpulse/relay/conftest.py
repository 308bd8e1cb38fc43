import asyncio
from collections.abc import AsyncIterator

import pytest

from awazpulse.relay.fanout import FanOut
from awazpulse.relay.feed import PlainFeed
from tests.awazpulse.relay.station import FAST, Station


@pytest.fixture
async def station() -> AsyncIterator[Station]:
    fanout = FanOut(asyncio.get_running_loop(), FAST)
    station = Station(fanout, PlainFeed(queue_bytes=100_000, burst_bytes=4000))
    yield station
    fanout.close()
    for player in station.players:
        player.close()
