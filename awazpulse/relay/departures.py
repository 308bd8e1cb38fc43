"""Why a listener of the fan-out has gone. A closed set. No I/O."""

from enum import StrEnum


class Departure(StrEnum):
    """The first two are the listener's own doing, or its network's."""

    DISCONNECTED = "disconnected"
    CONNECTION_LOST = "connection_lost"
    STALLED = "stalled"  # it takes nothing, or too little
    LOST_TOO_MUCH = "lost_too_much"  # it is too far behind to be moved to the live edge
    ERROR = "error"  # one of ours
    ENDED = "ended"  # what it listened to is over
