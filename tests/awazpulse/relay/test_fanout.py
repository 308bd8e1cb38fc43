"""The fan-out over real sockets: what each kind of listener receives, and what it costs others."""

import asyncio
import itertools
import logging
import os
import time

import pytest

from awazpulse.errors import MisuseError
from awazpulse.relay.departures import Departure
from awazpulse.relay.fanout import MAX_CATCH_UP_BYTES, MAX_PENDING_BYTES, FanOut
from awazpulse.relay.feed import Entry, PlainFeed
from awazpulse.relay.listener import Listener
from awazpulse.relay.pacing import AUDIENCE_SENDS, Pacing, Phases
from tests.awazpulse.relay.station import (
    FAST,
    HEAD,
    BrokenSocket,
    Mistake,
    Player,
    Station,
    numbers,
    until,
)


async def test_a_joiner_gets_the_head_and_the_burst_at_once(station: Station) -> None:
    station.publish(50)
    data = station.join().read()
    assert data.startswith(HEAD)
    assert numbers(data) == list(range(40, 50))


async def test_from_the_burst_on_nothing_is_lost_or_doubled(station: Station) -> None:
    station.publish(50)
    players = [station.join() for _ in range(35)]
    received = [player.read() for player in players]
    for _ in range(20):
        station.publish(3)
        await asyncio.sleep(0.004)
        station.players.append(late := station.join())
        received.append(late.read())
        players.append(late)
    await asyncio.sleep(0.1)
    for data, player in zip(received, players, strict=True):
        got = numbers(data + player.read())
        assert got == list(range(got[0], station.published))


async def test_a_listener_that_leaves_is_forgotten_and_told_of_once(station: Station) -> None:
    players = [station.join() for _ in range(3)]
    players[1].close()
    await until(lambda: len(station.left) == 1)
    assert station.fanout.listeners == 2
    station.publish(5)
    await asyncio.sleep(0.05)
    assert numbers(players[0].read()) == numbers(players[2].read()) == list(range(5))
    assert len(station.left) == 1


async def test_off_the_rings_end_a_listener_goes_on_at_the_live_edge_with_a_whole_frame(
    station: Station,
) -> None:
    slow = station.join(receive_buffer=4096)
    station.publish(100)
    await asyncio.sleep(0.05)
    station.publish(1000)  # four times the ring
    data = slow.read()
    for _ in range(20):
        await asyncio.sleep(0.01)
        station.publish(1)
        data += slow.read()
    await asyncio.sleep(0.05)
    got = numbers(data + slow.read())
    jump = next(n for n, (a, b) in enumerate(itertools.pairwise(got)) if b != a + 1)
    assert got[jump + 1] >= 1099
    assert got[jump + 1 :] == list(range(got[jump + 1], station.published))
    assert station.fanout.requeued == 1


async def test_one_that_takes_nothing_is_dropped_after_the_timeout(station: Station) -> None:
    dead, good = station.join(receive_buffer=4096), station.join()
    data = b""

    async def play() -> None:
        nonlocal data
        while len(station.left) < 1:
            station.publish(5)
            data += good.read()
            await asyncio.sleep(0.01)

    async with asyncio.timeout(5):
        await play()
    assert station.fanout.listeners == 1
    assert numbers(data) == list(range(len(numbers(data))))
    assert dead.has_ended()


async def test_one_long_in_step_that_stalls_has_the_whole_timeout_from_then_on(
    station: Station,
) -> None:
    player = station.join(receive_buffer=4096)
    for _ in range(60):  # longer than the timeout
        station.publish(1)
        await asyncio.sleep(0.01)
        player.read()
    station.publish(100)  # more than it takes
    await asyncio.sleep(0.35)
    assert station.fanout.listeners == 1
    await until(lambda: numbers(player.read())[-1:] == [station.published - 1])
    assert station.left == []


async def test_one_that_takes_too_little_for_its_moves_is_dropped() -> None:
    class Moved(PlainFeed):
        """A feed whose every move to the live edge costs a listener that many bytes."""

        def rejoin(self, position: int) -> Entry:
            return Entry(bytes(MAX_PENDING_BYTES // 2), super().rejoin(position).position)

    fanout = FanOut(asyncio.get_running_loop(), Pacing(min_interval_s=0.01))
    station = Station(fanout, Moved(queue_bytes=100_000, burst_bytes=4000))
    player = station.join(receive_buffer=4096)
    station.publish(100)
    await asyncio.sleep(0.05)
    (listener,) = station.audience.listeners
    for moves in (1, 2):
        station.publish(200)
        fanout._requeue(listener)
        fanout._sweep()
        assert len(listener.pending) == moves * MAX_PENDING_BYTES // 2
        assert fanout.listeners == 1
    listener.pending += b"x"
    fanout._sweep()
    assert fanout.listeners == 0
    fanout.close()
    player.close()


async def test_a_catch_up_is_sent_in_bounded_pieces() -> None:
    fanout = FanOut(asyncio.get_running_loop(), FAST)
    station = Station(fanout, PlainFeed(queue_bytes=4 * MAX_CATCH_UP_BYTES, burst_bytes=400))
    player = station.join()
    (listener,) = station.audience.listeners
    sizes: list[int] = []

    class TakesAll:
        """A socket whose buffer has no end."""

        fileno = listener.socket.fileno

        def send(self, data: memoryview) -> int:
            sizes.append(len(data))
            return len(data)

    ours, listener.socket = listener.socket, TakesAll()  # type: ignore[assignment]
    station.publish(MAX_CATCH_UP_BYTES // 400 + 1)
    assert fanout.catch_up(listener, 0.0) is False
    assert fanout.catch_up(listener, 0.0) is True
    assert sizes == [MAX_CATCH_UP_BYTES, station.feed.end - MAX_CATCH_UP_BYTES]
    listener.socket = ours
    fanout.close()
    player.close()


async def test_a_tick_that_fails_silences_nobody_else(
    station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    other = Station(station.fanout, PlainFeed())
    bad, good = other.join(), station.join()
    await until(lambda: all(listener.index >= 0 for listener in other.audience.listeners))
    other.audience.feed = None  # type: ignore[assignment]  # whatever our own mistake might be
    await asyncio.sleep(0.1)
    other.audience.feed = other.feed
    station.publish(3)
    await until(lambda: numbers(good.read())[-1:] == [2])
    assert "a turn of the fan-out failed" in caplog.text
    bad.close()


async def test_a_source_that_fails_when_its_audio_is_fetched_silences_nobody_else(
    station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("whatever our own mistake might be")

    other = Station(station.fanout, PlainFeed(), fail)
    bad, good = other.join(), station.join()
    await asyncio.sleep(0.05)
    station.publish(3)
    await until(lambda: numbers(good.read())[-1:] == [2])
    assert "a turn of the fan-out failed" in caplog.text
    bad.close()


async def test_what_the_source_has_sent_is_fetched_just_before_it_is_sent_on() -> None:
    fanout = FanOut(asyncio.get_running_loop(), FAST)
    waiting = [0]

    def pull() -> None:
        own.publish(waiting[0])
        waiting[0] = 0

    own = Station(fanout, PlainFeed(), pull)
    player = own.join()
    waiting[0] = 5
    await until(lambda: numbers(player.read()) == [0, 1, 2, 3, 4])
    fanout.close()
    player.close()


async def test_small_audiences_are_served_together_and_each_source_is_read_once_for_them() -> None:
    pacing = Pacing(min_interval_s=0.2, max_interval_s=0.2)
    fanout = FanOut(asyncio.get_running_loop(), pacing)
    calls: list[str] = []
    stations = []
    for name in range(40):
        station = Station(fanout, PlainFeed(), lambda name=name: calls.append(f"pull {name}"))  # type: ignore[misc]
        station.join()
        station.join()
        stations.append(station)
    ticks = fanout._run_due

    def run_due() -> None:
        calls.append("turn")
        ticks()

    fanout._run_due = run_due  # type: ignore[method-assign]
    await asyncio.sleep(0.25)  # all have had a turn, and their timer is the one above
    calls.clear()
    await asyncio.sleep(0.4)
    turns = calls.count("turn")
    assert 2 <= turns <= 30  # and not 80
    pulls = [call for call in calls if call != "turn"]
    assert {pulls.count(f"pull {name}") for name in range(40)} <= {1, 2, 3}
    fanout.close()
    for station in stations:
        for player in station.players:
            player.close()


async def test_a_lone_cohort_that_has_emptied_while_the_loop_was_late_is_taken_off_once() -> None:
    pacing = Pacing(min_interval_s=0.05, max_interval_s=0.05)
    fanout = FanOut(asyncio.get_running_loop(), pacing)
    station = Station(fanout, PlainFeed())
    player = station.join()
    await asyncio.sleep(0.1)
    fanout.drop(station.audience.listeners[0], Departure.DISCONNECTED)
    late = time.monotonic() + pacing.max_interval_s
    assert len(fanout._take_due(late)) == 1
    fanout._rotation.set_interval(0.05, late)
    time.sleep(0.11)  # noqa: ASYNC251  # the loop is late
    await asyncio.sleep(0.1)
    assert len(fanout._rotation) == 0
    other = station.join()
    station.publish(3)
    await until(lambda: numbers(other.read())[-1:] == [2])
    fanout.close()
    for end in (player, other):
        end.close()


async def test_a_turn_that_fails_is_not_the_last(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = station.join()
    monkeypatch.setattr(station.fanout, "_serve", None)  # whatever our own mistake might be
    station.fanout._loop.set_exception_handler(lambda *_: None)
    await asyncio.sleep(0.1)
    monkeypatch.undo()
    station.publish(3)
    await until(lambda: numbers(player.read())[-1:] == [2])


async def test_so_many_cohorts_are_served_in_one_turn_and_no_more() -> None:
    pacing = Pacing(min_interval_s=10.0, max_interval_s=10.0, cohort_size=10)
    fanout = FanOut(asyncio.get_running_loop(), pacing)
    station = Station(fanout, PlainFeed(queue_bytes=100_000, burst_bytes=400))
    for _ in range(40):
        station.join()
    assert len(fanout._rotation) == 4
    all_due = time.monotonic() + 0.9 * pacing.max_interval_s
    turns = [len(fanout._take_due(all_due)) for _ in range(4)]
    assert turns == [1, 1, 1, 1]  # 10 listeners fill a turn
    fanout.close()
    for player in station.players:
        player.close()


async def test_small_audiences_are_served_together_as_one_full_cohort_would_be() -> None:
    listeners, together = 5, 3
    size = together * (listeners + AUDIENCE_SENDS)
    pacing = Pacing(min_interval_s=10.0, max_interval_s=10.0, cohort_size=size)
    fanout = FanOut(asyncio.get_running_loop(), pacing)
    stations = [Station(fanout, PlainFeed()) for _ in range(7)]
    for station in stations:
        for _ in range(listeners):
            station.join()
    all_due = time.monotonic() + 0.9 * pacing.max_interval_s
    assert [len(fanout._take_due(all_due)) for _ in range(2)] == [together, together]
    fanout.close()
    for station in stations:
        for player in station.players:
            player.close()


async def test_those_who_fall_due_soon_are_served_early_and_no_others() -> None:
    pacing = Pacing(min_interval_s=10.0, max_interval_s=10.0)
    fanout = FanOut(asyncio.get_running_loop(), pacing)
    stations = [Station(fanout, PlainFeed()) for _ in range(16)]
    for station in stations:
        station.join()
    handed_out = Phases()
    soon = [phase for phase in (handed_out.next() for _ in stations) if phase < 1 / 8]
    assert 2 <= len(soon) < 4
    hand = fanout._rotation.next_due()
    assert hand is not None
    assert len(fanout._take_due(hand + 0.01)) == len(soon)
    fanout.close()
    for station in stations:
        for player in station.players:
            player.close()


async def test_noise_up_to_the_limit_is_ignored_and_past_it_ends_the_listener() -> None:
    pacing = Pacing(min_interval_s=0.01, max_noise_bytes=1000)
    fanout = FanOut(asyncio.get_running_loop(), pacing)
    station = Station(fanout, PlainFeed())
    player = station.join()
    player.socket.send(bytes(1000))
    await asyncio.sleep(0.05)
    assert fanout.listeners == 1
    player.socket.send(b"x")
    await until(lambda: fanout.listeners == 0)
    fanout.close()
    player.close()


async def test_a_closed_audience_gets_the_last_frames_and_the_end(station: Station) -> None:
    players = [station.join() for _ in range(40)]
    await asyncio.sleep(0.05)
    station.publish(3)
    station.audience.close()
    await until(lambda: station.fanout.listeners == 0)
    for player in players:
        assert numbers(player.read()) == [0, 1, 2]
        assert player.has_ended()
    assert station.left == []  # the broadcast has set its count to 0 by itself


async def test_a_closed_audience_takes_nobody_in(station: Station) -> None:
    station.audience.close()
    with pytest.raises(MisuseError):
        station.join()
    station.players[-1].ours.close()  # it has stayed ours


async def test_audiences_do_not_disturb_each_other(station: Station) -> None:
    other = Station(station.fanout, PlainFeed())
    mine, theirs = station.join(), other.join()
    station.publish(2)
    other.publish(4)
    other.audience.close()
    await asyncio.sleep(0.05)
    assert numbers(mine.read()) == [0, 1]
    assert numbers(theirs.read()) == [0, 1, 2, 3]
    theirs.close()


async def test_the_end_of_the_fan_out_ends_everyone() -> None:
    station = Station(FanOut(asyncio.get_running_loop()), PlainFeed())
    player = station.join()
    station.fanout.close()
    assert player.has_ended()
    player.close()


async def test_everything_may_be_closed_twice_in_any_order(station: Station) -> None:
    for _ in range(3):
        station.join()
    station.audience.close()
    station.audience.close()
    await until(lambda: station.fanout.listeners == 0)
    other = Station(station.fanout, PlainFeed())
    player = other.join()
    station.fanout.close()
    station.fanout.close()
    other.audience.close()
    other.audience.close()
    assert station.fanout.listeners == 0
    assert player.has_ended()
    player.close()


async def test_the_second_close_of_the_fan_out_leaves_a_new_owner_of_its_descriptor_alone() -> None:
    loop = asyncio.get_running_loop()
    fanout = FanOut(loop, FAST)
    new = Player()
    number = fanout._selector._fd
    fanout.close()
    os.dup2(new.ours.fileno(), number)
    heard: list[bytes] = []
    loop.add_reader(number, lambda: heard.append(os.read(number, 1)))
    fanout.close()
    new.socket.send(b"x")
    await until(lambda: heard == [b"x"])
    loop.remove_reader(number)
    os.close(number)
    new.ours.close()
    new.close()


async def test_a_fan_out_that_is_closed_takes_nobody_in_and_has_no_more_turns() -> None:
    fanout = FanOut(asyncio.get_running_loop(), FAST)

    def close(_: Listener) -> None:
        fanout.close()  # within a turn

    station = Station(fanout, PlainFeed(), on_left=close)
    for _ in range(25):
        station.join()
    await all_in_step(station)
    BrokenSocket(station.audience.listeners[0], "send")
    station.publish(1)
    await until(lambda: fanout.listeners == 0)
    assert fanout._timer is None or fanout._timer.cancelled()
    assert all(player.has_ended() for player in station.players)
    with pytest.raises(MisuseError, match="fan-out"):
        station.join()
    station.players[-1].ours.close()
    for player in station.players:
        player.close()


async def test_a_joiner_whose_connection_is_lost_already_is_gone(station: Station) -> None:
    player = Player()
    player.close()
    station.audience.join(player.ours, HEAD)
    assert station.fanout.listeners == 0
    assert len(station.left) == 1


@pytest.mark.parametrize("count", [1, 9, 10, 11, 60])
async def test_any_number_may_leave_in_any_order(station: Station, count: int) -> None:
    players = [station.join() for _ in range(count)]
    station.publish(1)
    await asyncio.sleep(0.05)
    for player in players[::2] + players[1::2]:
        player.close()
    await until(lambda: station.fanout.listeners == 0)
    await until(lambda: not station.fanout.cohorts_of(station.audience))


# -- errors of ours


def errors(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno >= logging.ERROR]


def fail(_: Listener) -> None:
    raise Mistake


async def all_in_step(station: Station) -> None:
    await until(lambda: all(listener.index >= 0 for listener in station.audience.listeners))


@pytest.mark.parametrize("method", ["send", "close", "fileno"])
async def test_a_goodbye_that_fails_for_some_ends_all_others_and_is_logged_once(
    station: Station, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    players = [station.join() for _ in range(10)]
    await all_in_step(station)
    listeners = station.audience.listeners
    broken = [listener.socket for listener in listeners[1:4]]
    for listener in listeners[1:4]:
        BrokenSocket(listener, method)
    station.audience.close()
    await until(lambda: station.fanout.listeners == 0)
    assert sum(player.has_ended() for player in players) >= 7
    assert all(listener.is_gone for listener in listeners)
    (record,) = errors(caplog)
    assert record.name == "awazpulse.relay.fanout"
    assert "errors=3" in record.getMessage()
    for ours in broken:
        ours.close()


async def test_a_crowd_of_goodbyes_goes_on_after_a_turn_in_which_one_failed() -> None:
    fanout = FanOut(asyncio.get_running_loop(), Pacing(min_interval_s=0.01, turn_s=0.0))
    station = Station(fanout, PlainFeed())
    for _ in range(5):
        station.join()
    await all_in_step(station)
    for listener in station.audience.listeners:
        BrokenSocket(listener, "send")
    station.audience.close()
    await until(lambda: fanout.listeners == 0)
    assert all(player.has_ended() for player in station.players)
    fanout.close()
    for player in station.players:
        player.close()


async def test_the_end_of_the_fan_out_ends_everyone_though_nobody_can_be_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    fanout = FanOut(loop, FAST)
    station = Station(fanout, PlainFeed(), on_left=fail)
    players = [station.join() for _ in range(10)]
    fanout.close()
    assert all(player.has_ended() for player in players)
    assert fanout.listeners == 0
    assert len(errors(caplog)) == 1
    for player in players:
        player.close()


async def test_one_whose_end_cannot_be_told_of_is_forgotten_as_the_others_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fanout = FanOut(asyncio.get_running_loop(), FAST)
    told: list[Listener] = []

    def fail_once(listener: Listener) -> None:
        told.append(listener)
        if len(told) == 1:
            raise Mistake

    station = Station(fanout, PlainFeed(), on_left=fail_once)
    for _ in range(10):
        station.join()
    await all_in_step(station)
    for player in station.players:
        player.close()
    await until(lambda: fanout.listeners == 0)
    assert (len(told), sum(fanout.departures.values())) == (10, 10)
    assert [record.name for record in errors(caplog)] == ["awazpulse.relay.selector"]
    fanout.close()


async def test_one_whose_event_fails_is_dropped_and_does_not_fail_again(
    station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = station.join(), station.join()
    await all_in_step(station)
    BrokenSocket(next(one for one in station.audience.listeners if one.socket is bad.ours), "recv")
    bad.socket.send(b"x")
    await until(lambda: station.fanout.listeners == 1)
    station.publish(1)
    await until(lambda: numbers(good.read()) == [0])
    assert len(errors(caplog)) == 1


async def test_a_sweep_that_fails_for_some_drops_all_others_who_take_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(PlainFeed):
        def rejoin(self, position: int) -> Entry:
            raise Mistake

    fanout = FanOut(asyncio.get_running_loop(), Pacing(min_interval_s=0.01, stall_timeout_s=60.0))
    broken = Station(fanout, Broken(queue_bytes=20_000, burst_bytes=400))
    station = Station(fanout, PlainFeed(queue_bytes=100_000, burst_bytes=400))
    for _ in range(5):
        broken.join(receive_buffer=4096)
        station.join(receive_buffer=4096)
    await all_in_step(broken)
    await all_in_step(station)
    station.publish(60)
    broken.publish(40)
    await until(lambda: len(fanout._out_of_step) == 10)
    broken.publish(20)  # with what the sockets have not taken, nearly all that the queue holds
    for listener in station.audience.listeners:
        listener.last_progress -= 61.0
    fanout._sweep()
    assert fanout.listeners == 0
    assert fanout._sweep_timer is None
    assert len(errors(caplog)) == 1
    fanout.close()
    for player in broken.players + station.players:
        player.close()


async def test_a_joiner_who_cannot_be_begun_with_is_gone(
    station: Station, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(station.fanout, "_let_in", fail)
    player = station.join()
    assert player.has_ended()
    assert station.fanout.listeners == 0
    assert len(station.left) == 1
    assert len(errors(caplog)) == 1


async def test_sources_that_fail_in_one_turn_are_logged_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    pacing = Pacing(min_interval_s=10.0, max_interval_s=10.0)
    fanout = FanOut(asyncio.get_running_loop(), pacing)

    def break_off() -> None:
        raise Mistake

    stations = [Station(fanout, PlainFeed(), break_off) for _ in range(3)]
    for station in stations:
        station.join()
    cohorts = [fanout.cohorts_of(station.audience)[0] for station in stations]
    monkeypatch.setattr(fanout, "_take_due", lambda _: cohorts)
    fanout._run_due()
    (record,) = errors(caplog)
    assert "errors=3" in record.getMessage()
    fanout.close()
    for station in stations:
        station.players[0].close()


async def test_an_audience_that_is_closed_when_one_of_it_leaves_keeps_nobody(
    station: Station,
) -> None:
    own = Station(station.fanout, PlainFeed(), on_left=lambda _: own.audience.close())
    players = [own.join() for _ in range(5)]
    await all_in_step(own)
    new = [own.join() for _ in range(5)]
    own.publish(1)
    BrokenSocket(own.audience.listeners[-5], "send")  # the first of those who are about to enter
    await until(lambda: station.fanout.listeners == 0)
    assert all(player.has_ended() for player in players + new)
    for player in players + new:
        player.close()


async def test_every_byte_that_a_listener_gets_is_counted_once(station: Station) -> None:
    station.publish(50)
    players = [station.join() for _ in range(12)]  # more than one cohort
    slow = station.join(receive_buffer=4096)
    received = dict.fromkeys([*players, slow], 0)

    def read(*some: Player) -> int:
        for player in some:
            received[player] += len(player.read())
        return sum(received.values())

    for _ in range(20):
        station.publish(40)  # more than the slow one's socket takes
        await asyncio.sleep(0.02)
        read(*players)
    await until(lambda: read(*players, slow) == station.fanout.sent_bytes)
    station.publish(3)
    station.audience.close()
    await until(lambda: station.fanout.listeners == 0)
    assert read(*players, slow) == station.fanout.sent_bytes > 12 * 800 * 400
    assert station.fanout.joins == 13


async def test_why_listeners_have_gone_is_counted(station: Station) -> None:
    left, stalled, _ = (station.join(), station.join(receive_buffer=4096), station.join())
    left.close()
    await until(lambda: station.fanout.departures[Departure.DISCONNECTED] == 1)
    station.publish(100)
    await until(lambda: station.fanout.departures[Departure.STALLED] == 1)
    station.audience.close()
    await until(lambda: station.fanout.listeners == 0)
    assert station.fanout.departures == dict.fromkeys(Departure, 0) | {
        Departure.DISCONNECTED: 1,
        Departure.STALLED: 1,
        Departure.ENDED: 1,
    }
    assert stalled.has_ended()
