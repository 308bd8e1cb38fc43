import itertools

import pytest

from awazpulse.errors import MisuseError
from ingest.rtmp.state import STATES, State, Step

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
        state = STATES.after(state, step)
    assert state is State.LIVE
    assert STATES.after(state, Step.END) is State.CONNECTED


@pytest.mark.parametrize(("state", "step"), list(itertools.product(State, Step)))
def test_only_the_legal_steps_are_possible(state: State, step: Step) -> None:
    if (state, step) in LEGAL:
        STATES.after(state, step)
        return
    with pytest.raises(MisuseError, match=f"in state {state.value}"):
        STATES.after(state, step)
