import itertools

import pytest

from awazpulse.errors import MisuseError
from icecast_compat.state import STATES, State, Step

LEGAL = {
    (State.HEAD, Step.WAIT_FOR_BODY),
    *((state, Step.CHECK) for state in (State.HEAD, State.BODY)),
    *((state, Step.REPLY) for state in (State.HEAD, State.BODY)),
    *((state, Step.REPLY_LAST) for state in (State.HEAD, State.BODY, State.CHECKING)),
    *((state, Step.FINISH_REPLY) for state in (State.REPLYING, State.PARTING)),
    *((state, Step.HAND_OVER) for state in (State.HEAD, State.CHECKING)),
    *((s, Step.CLOSE) for s in State if s not in (State.HANDED_OVER, State.CLOSED)),
}


def walk(*steps: Step) -> State:
    state = State.HEAD
    for step in steps:
        state = STATES.after(state, step)
    return state


def test_a_source_is_checked_and_handed_over() -> None:
    assert walk(Step.CHECK, Step.HAND_OVER) is State.HANDED_OVER


def test_a_listener_is_handed_over_at_once() -> None:
    assert walk(Step.HAND_OVER) is State.HANDED_OVER


def test_a_title_comes_in_a_body_and_is_answered_after_its_check() -> None:
    steps = (Step.WAIT_FOR_BODY, Step.CHECK, Step.REPLY_LAST, Step.FINISH_REPLY)
    assert walk(*steps) is State.LINGERING


def test_another_request_may_follow_an_answer_but_not_the_last_one() -> None:
    assert walk(Step.REPLY, Step.FINISH_REPLY) is State.HEAD
    assert walk(Step.REPLY_LAST, Step.FINISH_REPLY) is State.LINGERING


@pytest.mark.parametrize(("state", "step"), list(itertools.product(State, Step)))
def test_only_the_legal_steps_are_possible(state: State, step: Step) -> None:
    if (state, step) in LEGAL:
        STATES.after(state, step)
        return
    with pytest.raises(MisuseError, match=f"cannot {step.value} in state {state.value}"):
        STATES.after(state, step)
