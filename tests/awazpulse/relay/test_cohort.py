"""Listeners that share a cursor: what they get, how they fall out of step, and how they come back."""

import asyncio

import pytest

from awazpulse.relay.fanout import FanOut
from awazpulse.relay.feed import Entry, PlainFeed
from awazpulse.relay.listener import Listener
from tests.awazpulse.relay.station import FAST, BrokenSocket, Mistake, Station, numbers, until


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


async def test_one_whose_send_fails_as_no_socket_does_is_dropped_and_the_others_get_theirs(
    station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    players = [station.join() for _ in range(5)]
    await until(lambda: all(listener.index >= 0 for listener in station.audience.listeners))
    for listener in station.audience.listeners[:2]:
        BrokenSocket(listener, "send")
    station.publish(3)
    await until(lambda: station.fanout.listeners == 3)
    assert len(station.left) == 2
    assert [numbers(player.read()) for player in players].count([0, 1, 2]) == 3
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_one_who_cannot_fall_out_of_step_is_dropped_and_the_others_do(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        station.join(receive_buffer=4096)
    await until(lambda: all(listener.index >= 0 for listener in station.audience.listeners))
    bad = station.audience.listeners[0]
    wait_for_room = station.fanout.wait_for_room

    def fail_for_one(listener: Listener) -> None:
        if listener is bad:
            raise Mistake
        wait_for_room(listener)

    monkeypatch.setattr(station.fanout, "wait_for_room", fail_for_one)
    station.publish(60)
    await until(lambda: len(station.fanout._out_of_step) == 4)
    assert station.left == [bad]
    received = [b""] * 5
    async with asyncio.timeout(5):
        while [numbers(data)[-1:] for data in received].count([59]) < 4:
            await asyncio.sleep(0.005)
            received = [
                data + player.read() for data, player in zip(received, station.players, strict=True)
            ]


async def test_one_who_cannot_enter_is_dropped_and_the_others_do(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        station.join()
    (cohort,) = station.fanout.cohorts_of(station.audience)
    bad = cohort.entering[1]
    station.publish(1)
    BrokenSocket(bad, "send")
    await until(lambda: len(cohort.in_step) == 4)
    assert station.left == [bad]
    assert (
        sorted(numbers(player.read()) == [0] for player in station.players) == [False] + [True] * 4
    )


async def test_those_who_are_too_far_behind_are_all_dropped_though_nobody_can_be_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Forgetful(PlainFeed):
        """A feed that knows of nobody who is behind its end."""

        def rejoin(self, position: int) -> Entry | None:  # type: ignore[override]
            return None

    def fail(_: Listener) -> None:
        raise Mistake

    fanout = FanOut(asyncio.get_running_loop(), FAST)
    station = Station(fanout, Forgetful(queue_bytes=20_000, burst_bytes=400), on_left=fail)
    for _ in range(5):
        station.join()
    await until(lambda: all(listener.index >= 0 for listener in station.audience.listeners))
    station.publish(60)  # more than the queue
    await until(lambda: fanout.listeners == 0)
    assert all(player.has_ended() for player in station.players)
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]
    fanout.close()
    for player in station.players:
        player.close()
