"""The way of one frame: broadcasts, the ring of recent audio, the fan-out to sockets, the registry.

Knows no protocol and no database.
"""

from .broadcast import Broadcast
from .ends import End, EndReason
from .outlet import Subscriber
from .source import Gate, Input, Source, Station
from .title import Title

__all__ = [
    "Broadcast",
    "End",
    "EndReason",
    "Gate",
    "Input",
    "Source",
    "Station",
    "Subscriber",
    "Title",
]
