import logging
from collections.abc import Callable

import pytest

from awazpulse.turns import Turns


class Loop:
    """An event loop by hand, with a clock that each job moves."""

    def __init__(self) -> None:
        self.ready: list[Callable[[], None]] = []
        self.now = 0.0
        self.turns = Turns(self.ready.append, lambda: self.now, 0.005)
        self.ran: list[str] = []

    def job(self, name: str, seconds: float = 0.001) -> None:
        def run() -> None:
            self.ran.append(name)
            self.now += seconds

        self.turns.add(run)

    def turn(self) -> None:
        ready = self.ready[:]
        del self.ready[:]
        for callback in ready:
            callback()


def test_a_job_never_runs_inside_the_call_that_adds_it() -> None:
    loop = Loop()
    loop.job("a")
    assert loop.ran == []
    loop.turn()
    assert loop.ran == ["a"]
    assert loop.ready == []


def test_a_line_is_idle_once_its_last_job_has_run() -> None:
    loop = Loop()
    seen = [loop.turns.is_idle]
    loop.job("a")
    seen.append(loop.turns.is_idle)
    loop.turn()
    seen.append(loop.turns.is_idle)
    assert seen == [True, False, True]


def test_a_turn_ends_when_its_budget_is_spent_and_the_next_one_goes_on() -> None:
    loop = Loop()
    for n in range(12):
        loop.job(str(n))
    loop.turn()
    assert len(loop.ran) == 5
    loop.turn()
    loop.turn()
    assert loop.ran == [str(n) for n in range(12)]
    assert loop.ready == []


def test_a_job_that_takes_longer_than_the_budget_runs_alone() -> None:
    loop = Loop()
    loop.job("slow", 1.0)
    loop.job("next")
    loop.turn()
    assert loop.ran == ["slow"]


def test_a_job_may_add_another_without_a_second_turn_being_asked_for() -> None:
    loop = Loop()
    loop.turns.add(lambda: loop.job("child"))
    loop.turn()
    assert loop.ran == ["child"]
    assert loop.ready == []


def test_a_job_that_fails_is_logged_and_the_others_run(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ValueError("no")

    loop = Loop()
    loop.turns.add(fail)
    loop.job("other")
    with caplog.at_level(logging.ERROR):
        loop.turn()
    assert loop.ran == ["other"]
    assert len(caplog.records) == 1
