"""What happens to channels, as values for whoever shows it (live events, metrics). No I/O."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class ChannelChange(StrEnum):
    """What happened."""

    ON_AIR = "on_air"
    OFF_AIR = "off_air"
    SWITCHED = "switched"


@dataclass(frozen=True, slots=True)
class ChannelEvent:
    """One change; `stream_type` is the type concerned (of a switch: the one selected now)."""

    change: ChannelChange
    channel_id: str
    stream_type: str
    reason: str = ""


ChannelListener = Callable[[ChannelEvent], None]
