import itertools

import pytest

from awazpulse.errors import MisuseError
from ingest.rtmp.state import State, Step, next_state

LEGAL = {
    (State.HANDSHAKE, Step.SHAKE_HANDS),
    (State.CONNECTING, Step.CONNECT),
    (State.CONNECTED, Step.REQUEST),
    (State.DECIDING, Step.ACCEPT),
    (State.DECIDING, Step.END),
    (State.LIVE, Step.END),
    *((state, Step.REFUSE) for state in State if state is not State.LINGERING),
}


def test_a_publication_goes_through_all_states() -> None:
    state = State.HANDSHAKE
    for step in (Step.SHAKE_HANDS, Step.CONNECT, Step.REQUEST, Step.ACCEPT):
        state = next_state(state, step)
    assert state is State.LIVE
    assert next_state(state, Step.END) is State.CONNECTED


@pytest.mark.parametrize(("state", "step"), list(itertools.product(State, Step)))
def test_only_the_legal_steps_are_possible(state: State, step: Step) -> None:
    if (state, step) in LEGAL:
        next_state(state, step)
        return
    with pytest.raises(MisuseError, match=f"in state {state.value}"):
        next_state(state, step)
