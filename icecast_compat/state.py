"""The states of a connection to port 8000, and the steps between them, as data. No I/O.

HEAD -> BODY                              a title as a form
HEAD, BODY -> REPLYING -> HEAD            answered, and another request may follow
HEAD, BODY -> CHECKING                    the server checks a login or a title update
HEAD -> HANDED_OVER                       a listener
CHECKING -> HANDED_OVER                   a source
HEAD, BODY, CHECKING -> PARTING -> LINGERING    answered for the last time; the client reads the answer
from each but HANDED_OVER: -> CLOSED
"""

from enum import Enum

from awazpulse.state_table import StateTable


class State(Enum):
    """Where a connection is."""

    HEAD = "head"  # waits for a request's head
    BODY = "body"  # waits for the body of a request
    CHECKING = "checking"  # nothing is read until the check's outcome is known
    REPLYING = "replying"  # nothing is read until the answer is sent
    PARTING = "parting"  # the same, for the last answer
    LINGERING = "lingering"  # answered for the last time; what comes is thrown away
    HANDED_OVER = "handed over"  # the socket belongs to a source or a listener
    CLOSED = "closed"


class Step(Enum):
    """What brings a connection from one state to another."""

    WAIT_FOR_BODY = "wait for a body"
    CHECK = "check"
    REPLY = "reply"
    REPLY_LAST = "reply for the last time"
    FINISH_REPLY = "finish a reply"
    HAND_OVER = "hand over"
    CLOSE = "close"


STATES = StateTable(
    {
        (State.HEAD, Step.WAIT_FOR_BODY): State.BODY,
        (State.HEAD, Step.CHECK): State.CHECKING,
        (State.BODY, Step.CHECK): State.CHECKING,
        (State.HEAD, Step.REPLY): State.REPLYING,
        (State.BODY, Step.REPLY): State.REPLYING,
        (State.HEAD, Step.REPLY_LAST): State.PARTING,
        (State.BODY, Step.REPLY_LAST): State.PARTING,
        (State.CHECKING, Step.REPLY_LAST): State.PARTING,
        (State.REPLYING, Step.FINISH_REPLY): State.HEAD,
        (State.PARTING, Step.FINISH_REPLY): State.LINGERING,
        (State.HEAD, Step.HAND_OVER): State.HANDED_OVER,
        (State.CHECKING, Step.HAND_OVER): State.HANDED_OVER,
        (State.HEAD, Step.CLOSE): State.CLOSED,
        (State.BODY, Step.CLOSE): State.CLOSED,
        (State.CHECKING, Step.CLOSE): State.CLOSED,
        (State.REPLYING, Step.CLOSE): State.CLOSED,
        (State.PARTING, Step.CLOSE): State.CLOSED,
        (State.LINGERING, Step.CLOSE): State.CLOSED,
    }
)
