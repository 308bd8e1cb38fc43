from itertools import product

import pytest

from awazpulse.errors import MisuseError
from awazpulse.relay.life import AIR_STATES, AirPolicy, AirState, AirStep, Due, Life

OFF, ON_AIR, WAITING = AirState.OFF, AirState.ON_AIR, AirState.WAITING
ON_FALLBACK, ENDING = AirState.ON_FALLBACK, AirState.ENDING

LEGAL = {
    (OFF, AirStep.COME): ON_AIR,
    (OFF, AirStep.FALL_BACK): ON_FALLBACK,
    (OFF, AirStep.END): ENDING,
    (ON_AIR, AirStep.COME): ON_AIR,
    (ON_AIR, AirStep.LOSE): WAITING,
    (ON_AIR, AirStep.FALL_BACK): ON_FALLBACK,
    (ON_AIR, AirStep.END): ENDING,
    (WAITING, AirStep.COME): ON_AIR,
    (WAITING, AirStep.FALL_BACK): ON_FALLBACK,
    (WAITING, AirStep.END): ENDING,
    (ON_FALLBACK, AirStep.COME): ON_AIR,
    (ON_FALLBACK, AirStep.LOSE): ON_FALLBACK,
    (ON_FALLBACK, AirStep.GIVE_UP): WAITING,
    (ON_FALLBACK, AirStep.END): ENDING,
    (ENDING, AirStep.FINISH): OFF,
}
ILLEGAL = [pair for pair in product(AirState, AirStep) if pair not in LEGAL]
WITH_FALLBACK = AirPolicy(has_fallback=True)
ALWAYS_ON = AirPolicy(has_fallback=True, is_always_on=True)


def life_in(state: AirState, policy: AirPolicy | None = None, lost_at: float | None = None) -> Life:
    life = Life(policy or AirPolicy())
    life.state, life.lost_at = state, lost_at
    return life


@pytest.mark.parametrize(("state", "step"), LEGAL)
def test_legal_step_goes_where_the_table_says(state: AirState, step: AirStep) -> None:
    life = life_in(state)
    life.step(step, 5.0)
    assert life.state is AIR_STATES.after(state, step) is LEGAL[state, step]


@pytest.mark.parametrize(("state", "step"), ILLEGAL)
@pytest.mark.parametrize("lost_at", [None, 3.0])
def test_illegal_step_raises_and_changes_nothing(
    state: AirState, step: AirStep, lost_at: float | None
) -> None:
    life = life_in(state, lost_at=lost_at)
    with pytest.raises(MisuseError, match=f"cannot {step.value} in state {state.value}"):
        life.step(step, 5.0)
    assert (life.state, life.lost_at) == (state, lost_at)


@pytest.mark.parametrize("state", [OFF, ON_AIR, WAITING])
def test_source_that_connects_puts_the_channel_on_air(state: AirState) -> None:
    life = life_in(state, lost_at=3.0)
    life.connect(5.0)
    assert (life.state, life.lost_at) == (ON_AIR, None)


def test_source_that_connects_while_the_fallback_plays_stops_the_grace_time_alone() -> None:
    life = life_in(ON_FALLBACK, lost_at=3.0)
    life.connect(5.0)
    assert (life.state, life.lost_at) == (ON_FALLBACK, None)


def test_source_that_connects_at_the_end_raises_and_changes_nothing() -> None:
    life = life_in(ENDING, lost_at=3.0)
    with pytest.raises(MisuseError):
        life.connect(5.0)
    assert (life.state, life.lost_at) == (ENDING, 3.0)


@pytest.mark.parametrize(("state", "lost_at"), [(ON_AIR, None), (ON_FALLBACK, 3.0)])
def test_loss_starts_the_grace_time(state: AirState, lost_at: float | None) -> None:
    life = life_in(state, lost_at=lost_at)
    life.step(AirStep.LOSE, 5.0)
    assert life.lost_at == 5.0


def test_channel_that_begins_on_its_fallback_is_without_a_source_from_then_on() -> None:
    life = life_in(OFF)
    life.step(AirStep.FALL_BACK, 5.0)
    assert life.lost_at == 5.0


def test_fallback_after_a_loss_leaves_the_grace_time_as_it_runs() -> None:
    life = life_in(WAITING, lost_at=3.0)
    life.step(AirStep.FALL_BACK, 5.0)
    assert life.lost_at == 3.0


@pytest.mark.parametrize(("lost_at", "state"), [(None, ON_AIR), (3.0, WAITING)])
def test_fallback_that_is_given_up_leads_back_to_the_source_or_to_the_wait_for_it(
    lost_at: float | None, state: AirState
) -> None:
    life = life_in(ON_FALLBACK, lost_at=lost_at)
    life.give_up(5.0)
    assert (life.state, life.lost_at) == (state, lost_at)


@pytest.mark.parametrize("state", [OFF, ON_AIR, WAITING, ENDING])
def test_only_a_fallback_can_be_given_up(state: AirState) -> None:
    life = life_in(state, lost_at=3.0)
    with pytest.raises(MisuseError):
        life.give_up(5.0)
    assert (life.state, life.lost_at) == (state, 3.0)


@pytest.mark.parametrize(
    ("policy", "keeps"),
    [
        (AirPolicy(), False),
        (WITH_FALLBACK, False),
        (AirPolicy(is_always_on=True), False),
        (ALWAYS_ON, True),
    ],
)
def test_only_a_fallback_that_is_always_on_keeps_the_channel_on_air(
    policy: AirPolicy, keeps: bool
) -> None:
    assert Life(policy).keeps_itself_on_air is keeps


@pytest.mark.parametrize(
    ("state", "policy", "lost_at", "now", "due"),
    [
        # `quiet_since` is 100
        (OFF, WITH_FALLBACK, None, 9999.0, Due.NOTHING),
        (ENDING, WITH_FALLBACK, 100.0, 9999.0, Due.NOTHING),
        (ON_AIR, AirPolicy(), None, 101.99, Due.NOTHING),
        (ON_AIR, AirPolicy(), None, 102.0, Due.SILENCE),
        (ON_AIR, AirPolicy(), None, 9999.0, Due.SILENCE),
        (ON_AIR, WITH_FALLBACK, None, 104.99, Due.SILENCE),
        (ON_AIR, WITH_FALLBACK, None, 105.0, Due.FALLBACK),
        (WAITING, AirPolicy(), 100.5, 130.49, Due.SILENCE),
        (WAITING, AirPolicy(), 100.5, 130.5, Due.END),
        (WAITING, AirPolicy(), 100.5, 9999.0, Due.END),
        (WAITING, AirPolicy(grace_s=0), 100.5, 100.5, Due.END),
        (WAITING, WITH_FALLBACK, 100.5, 105.0, Due.FALLBACK),
        (WAITING, ALWAYS_ON, 100.5, 9999.0, Due.FALLBACK),
        (WAITING, AirPolicy(is_always_on=True), 100.5, 130.5, Due.END),
        (ON_FALLBACK, WITH_FALLBACK, 100.5, 130.49, Due.NOTHING),
        (ON_FALLBACK, WITH_FALLBACK, 100.5, 130.5, Due.END),
        (ON_FALLBACK, WITH_FALLBACK, None, 9999.0, Due.NOTHING),
        (ON_FALLBACK, ALWAYS_ON, 100.5, 9999.0, Due.NOTHING),
        (ON_FALLBACK, AirPolicy(), 100.5, 101.0, Due.GIVE_UP),
        (ON_FALLBACK, AirPolicy(is_always_on=True), 100.5, 131.0, Due.END),
        # a clock that goes back
        (ON_AIR, WITH_FALLBACK, None, 50.0, Due.NOTHING),
        (WAITING, WITH_FALLBACK, 100.5, 50.0, Due.NOTHING),
    ],
)
def test_what_is_due(
    state: AirState, policy: AirPolicy, lost_at: float | None, now: float, due: Due
) -> None:
    assert life_in(state, policy, lost_at).find_due(now, 100.0) is due


@pytest.mark.parametrize(
    ("lost_at", "now", "due"),
    [(None, 100.0, Due.NOTHING), (None, 102.0, Due.FALLBACK), (100.0, 100.0, Due.FALLBACK)],
)
def test_impatient_fallback_waits_for_a_source_that_is_connected(
    lost_at: float | None, now: float, due: Due
) -> None:
    policy = AirPolicy(fallback_after_s=0.0, has_fallback=True)
    state = ON_AIR if lost_at is None else WAITING
    assert life_in(state, policy, lost_at).find_due(now, 100.0) is due
