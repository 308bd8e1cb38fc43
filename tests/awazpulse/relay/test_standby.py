import asyncio
from collections.abc import Callable, Iterable

import pytest

from awazpulse.relay import Broadcast, standby
from awazpulse.relay.standby import Standby
from tests.awazpulse.relay.studio import STOPPED, FakeSource, Studio


class Counted(Broadcast):
    """A broadcast that does what the test says when time passes."""

    def __init__(self, name: str, on_advance: Callable[[], None] = lambda: None) -> None:
        super().__init__(name, "hls", max_listeners=1, now=0.0)
        self.advanced: list[float] = []
        self.on_advance = on_advance
        self.is_quick = False

    @property
    def needs_pace(self) -> bool:
        return self.is_quick

    def advance(self, now: float) -> None:
        self.advanced.append(now)
        self.on_advance()


@pytest.fixture(autouse=True)
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standby, "PACE_S", 0.001)
    monkeypatch.setattr(standby, "WATCH_S", 0.005)


def fail() -> None:
    raise ValueError("what a broadcast cannot do")


async def wait_until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110  # time is what is tested
            await asyncio.sleep(0.001)


def make_standby(
    list_broadcasts: Callable[[], Iterable[Broadcast]], clock: Callable[[], float] = lambda: 7.0
) -> Standby:
    return Standby(asyncio.get_running_loop(), list_broadcasts, clock)


async def test_time_passes_for_every_broadcast_by_the_clock() -> None:
    broadcasts = [Counted("a"), Counted("b")]
    own = make_standby(lambda: broadcasts)
    own.start()
    await wait_until(lambda: len(broadcasts[1].advanced) >= 3)
    own.close()
    assert set(broadcasts[0].advanced) == set(broadcasts[1].advanced) == {7.0}


async def test_nothing_passes_before_the_start_and_after_the_close() -> None:
    broadcast = Counted("a")
    own = make_standby(lambda: [broadcast])
    await asyncio.sleep(0.02)
    assert broadcast.advanced == []
    own.start()
    await wait_until(lambda: bool(broadcast.advanced))
    own.close()
    own.close()
    told = len(broadcast.advanced)
    own.start()
    await asyncio.sleep(0.02)
    assert len(broadcast.advanced) == told


async def test_close_without_a_start_changes_nothing() -> None:
    own = make_standby(list)
    own.close()
    own.close()


async def test_second_start_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standby, "WATCH_S", 0.05)
    calls = []

    def list_broadcasts() -> list[Broadcast]:
        calls.append(1)
        return []

    own = make_standby(list_broadcasts)
    own.start()
    own.start()
    await wait_until(lambda: bool(calls))
    own.close()
    await asyncio.sleep(0.02)
    assert len(calls) == 1


async def test_close_from_within_is_the_end_of_it() -> None:
    broadcast = Counted("a")
    own = make_standby(lambda: [broadcast])
    broadcast.on_advance = own.close
    own.start()
    await wait_until(lambda: bool(broadcast.advanced))
    await asyncio.sleep(0.02)
    assert len(broadcast.advanced) == 1


async def test_broadcast_that_fails_does_not_stop_the_others_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bad, good = Counted("bad", fail), Counted("good")
    own = make_standby(lambda: [bad, good])
    own.start()
    await wait_until(lambda: len(good.advanced) >= 3)
    assert caplog.text.count("channel=bad cannot go on") == 1
    bad.on_advance = lambda: None
    seen = len(bad.advanced)
    await wait_until(lambda: len(bad.advanced) > seen)
    bad.on_advance = fail
    seen = len(bad.advanced)
    await wait_until(lambda: len(bad.advanced) > seen + 1)
    own.close()
    assert caplog.text.count("channel=bad cannot go on") == 2, "it is news again"


async def test_broadcast_that_ends_meanwhile_may_leave_the_list() -> None:
    broadcasts: dict[str, Broadcast] = {}
    for name in "abc":
        broadcasts[name] = Counted(name, broadcasts.clear)
    seen = [*broadcasts.values()]
    own = make_standby(broadcasts.values)
    own.start()
    last = seen[-1]
    assert isinstance(last, Counted)
    await wait_until(lambda: bool(last.advanced))
    newcomer = broadcasts["d"] = Counted("d")
    await wait_until(lambda: bool(newcomer.advanced))
    own.close()


async def test_list_that_fails_once_is_asked_again() -> None:
    errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told: errors.append(told))
    broadcast = Counted("a")
    failures = [ValueError("no list")]

    def list_broadcasts() -> list[Broadcast]:
        if failures:
            raise failures.pop()
        return [broadcast]

    own = make_standby(list_broadcasts)
    own.start()
    await wait_until(lambda: bool(broadcast.advanced))
    own.close()
    assert len(errors) == 1


async def test_it_is_quick_while_one_broadcast_needs_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standby, "WATCH_S", 0.2)
    quick, calm = Counted("quick"), Counted("calm")
    quick.is_quick = True
    own = make_standby(lambda: [quick, calm])
    own.start()
    await wait_until(lambda: len(calm.advanced) >= 20)
    quick.is_quick = False
    await asyncio.sleep(0.02)
    seen = len(calm.advanced)
    await asyncio.sleep(0.05)
    own.close()
    assert len(calm.advanced) == seen


async def test_real_broadcast_whose_source_is_silent_goes_on_with_silence() -> None:
    studio = Studio()
    studio.send(studio.connect(FakeSource()), 0.24)

    def clock() -> float:
        studio.now += 0.05
        return studio.now

    own = make_standby(lambda: [studio.broadcast], clock)
    own.start()
    await wait_until(lambda: studio.heard("silence") > 3)
    own.close()
    studio.broadcast.close(STOPPED)
    assert studio.ear.story[-1] == "end stopped"
