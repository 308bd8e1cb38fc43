from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awazpulse.relay.pacing import Phases
from awazpulse.relay.rotation import Rotation

EVEN = [0.0, 0.25, 0.5, 0.75]


def run(
    rotation: Rotation[str], begin: float, end: float, step: float = 0.001
) -> list[tuple[float, str]]:
    """Let time pass in small steps; return when each member's turn came."""
    turns = []
    for at in range(round((end - begin) / step) + 1):
        now = begin + at * step
        while (member := rotation.pass_next(now, now)) is not None:
            turns.append((round(now, 3), member))
    return turns


def test_each_member_has_its_turn_once_an_interval_at_its_phase() -> None:
    rotation = Rotation[str](1.0)
    for phase, name in zip(EVEN, "abcd", strict=True):
        rotation.add(name, phase, now=10.0)
    assert run(rotation, 10.0, 11.6) == [
        (10.0, "a"),
        (10.25, "b"),
        (10.5, "c"),
        (10.75, "d"),
        (11.0, "a"),
        (11.25, "b"),
        (11.5, "c"),
    ]


def test_members_stay_spread_when_the_interval_changes() -> None:
    rotation, phases = Rotation[int](0.1), Phases()
    now = 0.0
    for number in range(16):  # as listeners join: the interval grows with them
        rotation.add(number, phases.next(), now)
        rotation.set_interval(0.1 + number * 0.05, now)
        while rotation.pass_next(now, now) is not None:
            pass
        now += 0.02
    turns = []
    interval = rotation.interval_s
    for at in range(4000):
        moment = now + at * interval / 1000
        while rotation.pass_next(moment, moment) is not None:
            turns.append(moment)
    gaps = [b - a for a, b in pairwise(turns[16:])]
    assert max(gaps) < 2.7 / 16 * interval


def test_a_change_of_the_interval_counts_from_then_on() -> None:
    rotation = Rotation[str](1.0)
    rotation.add("a", 0.0, now=0.0)
    assert run(rotation, 0.0, 0.5) == [(0.0, "a")]
    rotation.set_interval(0.2, now=0.5)
    assert rotation.next_due() == pytest.approx(0.6)  # half of its turn at the new speed


def test_a_late_hand_calls_nobody_twice() -> None:
    rotation = Rotation[str](0.1)
    for phase, name in zip(EVEN, "abcd", strict=True):
        rotation.add(name, phase, now=0.0)
    run(rotation, 0.0, 0.2)
    turns = run(rotation, 5.0, 5.0)
    assert sorted(name for _, name in turns) == sorted({name for _, name in turns})
    assert len(run(rotation, 5.001, 5.1)) == pytest.approx(4, abs=1)


def test_members_that_fall_due_soon_can_be_called_early() -> None:
    rotation = Rotation[str](1.0)
    for phase, name in zip(EVEN, "abcd", strict=True):
        rotation.add(name, phase, now=0.0)
    assert rotation.pass_next(0.3, 0.0) == "a"
    assert rotation.pass_next(0.3, 0.0) == "b"
    assert rotation.pass_next(0.3, 0.0) is None
    assert rotation.next_due() == pytest.approx(0.5)


def test_the_next_member_can_be_looked_at_before_its_turn() -> None:
    rotation = Rotation[str](1.0)
    assert rotation.find_next() is None
    for phase, name in zip(EVEN, "abcd", strict=True):
        rotation.add(name, phase, now=0.0)
    for name in "abcdab":
        assert rotation.find_next() == rotation.find_next() == name
        assert rotation.pass_next(2.0, 0.0) == name


def test_one_that_was_called_early_stays_with_those_it_was_called_with() -> None:
    rotation = Rotation[str](1.0)
    for phase, name in ((0.05, "a"), (0.3, "b"), (0.4, "c"), (0.95, "d")):
        rotation.add(name, phase, now=0.0)
    assert run(rotation, 0.0, 0.299) == [(0.05, "a")]
    assert [rotation.pass_next(0.42, 0.3) for _ in range(3)] == ["b", "c", None]
    assert run(rotation, 0.301, 0.949) == []
    # Over the turn's end: 'a' would be due at 1.05.
    assert [rotation.pass_next(1.07, 0.95) for _ in range(3)] == ["d", "a", None]
    assert run(rotation, 0.951, 2.2) == [
        (1.3, "b"),
        (1.3, "c"),
        (1.95, "d"),
        (1.95, "a"),
    ]


@given(
    st.lists(st.floats(0, 0.999), min_size=1, max_size=12),
    st.lists(
        st.tuples(st.floats(0, 0.4), st.floats(0, 0.9), st.integers(1, 6)), min_size=1, max_size=40
    ),
)
def test_whoever_is_called_early_nobody_waits_longer_than_an_interval(
    phases: list[float], calls: list[tuple[float, float, int]]
) -> None:
    rotation = Rotation[int](2.0)
    for name, phase in enumerate(phases):
        rotation.add(name, phase, now=0.0)
    last = dict.fromkeys(range(len(phases)), 0.0)
    now = 0.0
    for at_once, early, most in calls:
        due = rotation.next_due()
        assert due is not None
        now = max(now, due - at_once)
        called = [rotation.pass_next(due, now)]
        while len(called) < min(most, len(phases)):
            member = rotation.pass_next(now + early, now)
            if member is None:
                break
            called.append(member)
        assert len(set(called)) == len(called)
        for member in called:
            assert member is not None
            assert now - last[member] <= 2.0 + 1e-6
            last[member] = now


@pytest.mark.parametrize("gone", "abcd")
@pytest.mark.parametrize("passed", range(5))
def test_a_member_may_leave_at_any_time_and_the_others_keep_their_turns(
    gone: str, passed: int
) -> None:
    rotation = Rotation[str](1.0)
    for phase, name in zip(EVEN, "abcd", strict=True):
        rotation.add(name, phase, now=0.0)
    seen = [rotation.pass_next(2.0, 0.0) for _ in range(passed)]
    rotation.remove(gone)
    assert len(rotation) == 3
    seen += [rotation.pass_next(2.0, 0.0) for _ in range(3)]
    others = [name for name in "abcd" if name != gone]
    assert set(seen[passed:]) == set(others)


def test_a_newcomer_has_its_turn_within_an_interval() -> None:
    for phase in (0.0, 0.1, 0.3, 0.5, 0.9):
        rotation = Rotation[str](1.0)
        rotation.add("a", 0.0, now=0.0)
        rotation.add("b", 0.5, now=0.0)
        run(rotation, 0.0, 0.3)
        rotation.add("new", phase, now=0.3)
        assert "new" in [name for _, name in run(rotation, 0.3, 1.3)]


def test_an_empty_rotation_waits_for_nobody() -> None:
    rotation = Rotation[str](1.0)
    assert rotation.next_due() is None
    assert rotation.pass_next(1e9, 0.0) is None
    with pytest.raises(ValueError, match="not in list"):
        rotation.remove("a")


def test_one_that_was_emptied_begins_anew() -> None:
    rotation = Rotation[str](1.0)
    rotation.add("a", 0.5, now=0.0)
    run(rotation, 0.0, 3.0)
    rotation.remove("a")
    rotation.add("b", 0.0, now=100.0)
    assert rotation.next_due() == pytest.approx(100.0)
