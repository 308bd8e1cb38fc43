"""Listeners that share a cursor: what they get, how they fall out of step, and how they come back."""

import asyncio

from awazpulse.relay.fanout import FanOut
from awazpulse.relay.feed import Entry, PlainFeed
from tests.awazpulse.relay.station import FAST, Station, numbers, until


async def test_listeners_in_step_have_no_position_of_their_own(station: Station) -> None:
    station.publish(1)
    for _ in range(25):
        station.join()
    await until(lambda: all(listener.index >= 0 for listener in station.audience.listeners))
    sizes = sorted(len(cohort.in_step) for cohort in station.fanout.cohorts_of(station.audience))
    assert sizes == [5, 10, 10]


async def test_a_slow_listener_gets_everything_late_and_costs_nobody_anything(
    station: Station,
) -> None:
    slow, good = station.join(receive_buffer=4096), station.join()
    data = b""
    for _ in range(30):
        station.publish(5)
        await asyncio.sleep(0.012)
        data += good.read()
    assert numbers(data) == list(range(150))
    late = b""
    async with asyncio.timeout(5):
        while numbers(late)[-1:] != [149]:
            late += slow.read()
            await asyncio.sleep(0.005)
    assert numbers(late) == list(range(150))


async def test_one_that_has_caught_up_is_in_step_again(station: Station) -> None:
    slow = station.join(receive_buffer=4096)
    station.publish(100)
    await asyncio.sleep(0.05)
    (listener,) = station.audience.listeners
    assert listener.cohort is None
    async with asyncio.timeout(5):
        while listener.index < 0:
            slow.read()
            await asyncio.sleep(0.005)
    station.publish(1)
    await until(lambda: numbers(slow.read())[-1:] == [100])


async def test_a_burst_larger_than_the_ring_moves_even_those_in_step_to_the_live_edge(
    station: Station,
) -> None:
    good = station.join()
    station.publish(1)
    await until(lambda: all(listener.index >= 0 for listener in station.audience.listeners))
    good.read()
    station.publish(1000)
    await asyncio.sleep(0.05)
    assert numbers(good.read()) == [1000]


async def test_those_who_cannot_be_led_to_the_live_edge_are_dropped_and_no_others() -> None:
    class Forgetful(PlainFeed):
        """A feed that knows of nobody who is behind its end."""

        def rejoin(self, position: int) -> Entry | None:  # type: ignore[override]
            return None if position < self.start else super().rejoin(position)

    fanout = FanOut(asyncio.get_running_loop(), FAST)
    station = Station(fanout, Forgetful(queue_bytes=20_000, burst_bytes=4000))
    other = Station(fanout, PlainFeed())
    stalled = station.join(receive_buffer=4096)
    station.publish(45)  # more than it takes, and less than would have it moved
    player = other.join()
    in_step = station.join()
    await asyncio.sleep(0.1)
    assert numbers(in_step.read())[-1:] == [44]
    station.publish(60)  # more than the queue, at once
    await until(lambda: fanout.listeners == 1)
    assert len(station.left) == 2
    assert in_step.has_ended()
    assert stalled.has_ended()
    assert not station.fanout.cohorts_of(station.audience)
    other.publish(3)
    await until(lambda: numbers(player.read())[-1:] == [2])
    fanout.close()
    for one in (stalled, player, in_step):
        one.close()


async def test_one_that_enters_when_the_others_cannot_be_led_on_has_its_turn() -> None:
    class Forgetful(PlainFeed):
        """A feed that knows of nobody who is behind its end."""

        def rejoin(self, position: int) -> Entry | None:  # type: ignore[override]
            return None if position < self.start else super().rejoin(position)

    fanout = FanOut(asyncio.get_running_loop(), FAST)
    station = Station(fanout, Forgetful(queue_bytes=20_000, burst_bytes=4000))
    in_step = station.join()
    await until(lambda: all(listener.index >= 0 for listener in station.audience.listeners))
    station.publish(60)  # more than the queue
    new = station.join()
    await until(lambda: fanout.listeners == 1)
    assert in_step.has_ended()
    station.publish(1)
    await until(lambda: numbers(data := new.read())[-1:] == [60] or not data)
    assert len(station.audience.listeners) == 1
    fanout.close()
    for player in station.players:
        player.close()
