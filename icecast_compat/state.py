"""The states of one connection of port 8000, and the steps between them, as data. No I/O.

READING -> READING_BODY --+
|            |         v
+------------+---> CHECKING ---> GONE (a source: its socket belongs to the source from here)
|            |         |
+------------+---------+--> ANSWERING --> READING   (the client asks again)
|                              |
v                              +--> LINGERING --> GONE
GONE (a listener: its socket belongs to the mount from here)
"""

from enum import Enum

from awazpulse.errors import MisuseError


class State(Enum):
    """Where a connection is."""

    READING = "reading a request"
    READING_BODY = "reading a request's body"
    CHECKING = "being checked"  # the server decides; nothing is read meanwhile
    ANSWERING = "being answered"
    LINGERING = "lingering"  # the client reads its last answer
    GONE = "gone"


class Step(Enum):
    """What brings a connection from one state to another."""

    AWAIT_BODY = "await a body"
    CHECK = "check"
    ANSWER = "answer"
    ASK_AGAIN = "ask again"
    LINGER = "linger"
    HAND_OVER = "hand over the socket"
    CLOSE = "close"


_TRANSITIONS = {
    (State.READING, Step.AWAIT_BODY): State.READING_BODY,
    (State.READING, Step.CHECK): State.CHECKING,
    (State.READING_BODY, Step.CHECK): State.CHECKING,
    (State.READING, Step.ANSWER): State.ANSWERING,
    (State.READING_BODY, Step.ANSWER): State.ANSWERING,
    (State.CHECKING, Step.ANSWER): State.ANSWERING,
    (State.ANSWERING, Step.ASK_AGAIN): State.READING,
    (State.ANSWERING, Step.LINGER): State.LINGERING,
    (State.READING, Step.HAND_OVER): State.GONE,
    (State.CHECKING, Step.HAND_OVER): State.GONE,
    (State.READING, Step.CLOSE): State.GONE,
    (State.READING_BODY, Step.CLOSE): State.GONE,
    (State.CHECKING, Step.CLOSE): State.GONE,
    (State.ANSWERING, Step.CLOSE): State.GONE,
    (State.LINGERING, Step.CLOSE): State.GONE,
}


def next_state(state: State, step: Step) -> State:
    """Return the state after `step`; raises `MisuseError` when the state does not allow it."""
    following = _TRANSITIONS.get((state, step))
    if following is None:
        raise MisuseError(f"cannot {step.value} while {state.value}")
    return following
