import asyncio
import time

from awazpulse.metrics.heartbeat import Heartbeat


def above(heartbeat: Heartbeat, bound: str) -> float:
    buckets = dict(heartbeat.lag.list_buckets())
    return buckets["+Inf"] - buckets[bound]


async def test_a_loop_that_is_held_up_is_seen_by_how_long_it_was() -> None:
    heartbeat = Heartbeat(asyncio.get_running_loop(), interval_s=0.02)
    heartbeat.start()
    await asyncio.sleep(0.01)
    time.sleep(0.4)  # noqa: ASYNC251  # this is what is measured
    await asyncio.sleep(0.03)
    heartbeat.close()
    assert above(heartbeat, "0.25") == 1
    assert 0.3 < heartbeat.lag.sum_s < 2


async def test_it_beats_until_it_is_closed_and_tells_each_time() -> None:
    beats: list[float] = []
    heartbeat = Heartbeat(asyncio.get_running_loop(), interval_s=0.01)
    heartbeat.on_beat = lambda: beats.append(1)
    heartbeat.start()
    async with asyncio.timeout(5):
        while len(beats) < 5:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    heartbeat.close()
    heartbeat.close()
    counted = len(beats)
    await asyncio.sleep(0.05)
    assert len(beats) == counted == dict(heartbeat.lag.list_buckets())["+Inf"]
