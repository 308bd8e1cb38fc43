"""The states of one RTMP connection, and the steps between them, as data. No I/O.

HANDSHAKE -> CONNECTING -> CONNECTED -> DECIDING -> LIVE
                               ^------------+---------+   the publication ends
from each but HANDSHAKE: -> LINGERING, where nothing is read any more and the peer reads why
"""

from enum import Enum

from awazpulse.state_table import StateTable


class State(Enum):
    """Where a connection is."""

    HANDSHAKE = "handshake"
    CONNECTING = "connecting"  # waits for connect
    CONNECTED = "connected"  # waits for publish
    DECIDING = "deciding"  # publish was asked for; we owe the answer
    LIVE = "live"
    LINGERING = "lingering"  # refused or failed


class Step(Enum):
    """What brings a connection from one state to another."""

    SHAKE_HANDS = "shake hands"
    CONNECT = "connect"
    REQUEST = "request to publish"
    ACCEPT = "accept"
    END = "end the publication"
    REFUSE = "refuse"


STATES = StateTable(
    {
        (State.HANDSHAKE, Step.SHAKE_HANDS): State.CONNECTING,
        (State.CONNECTING, Step.CONNECT): State.CONNECTED,
        (State.CONNECTED, Step.REQUEST): State.DECIDING,
        (State.DECIDING, Step.ACCEPT): State.LIVE,
        (State.DECIDING, Step.END): State.CONNECTED,
        (State.LIVE, Step.END): State.CONNECTED,
        (State.HANDSHAKE, Step.REFUSE): State.LINGERING,
        (State.CONNECTING, Step.REFUSE): State.LINGERING,
        (State.CONNECTED, Step.REFUSE): State.LINGERING,
        (State.DECIDING, Step.REFUSE): State.LINGERING,
        (State.LIVE, Step.REFUSE): State.LINGERING,
    }
)
