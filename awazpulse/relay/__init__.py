"""The way of one frame: broadcasts, the ring of recent audio, the fan-out to sockets, the registry.

Knows no protocol and no database.
"""

from .broadcast import Broadcast, Source, Station, Subscriber
from .title import Title

__all__ = ["Broadcast", "Source", "Station", "Subscriber", "Title"]
