"""What happens to channels, as values for whoever shows it (live events, metrics). No I/O."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from awazpulse.relay import End


class ChannelChange(StrEnum):
    """What happened. Between `on_air` and `off_air` sources come and go."""

    ON_AIR = "on_air"
    OFF_AIR = "off_air"
    SOURCE_CONNECTED = "source_connected"
    SOURCE_LOST = "source_lost"
    SOURCE_HEARD = "source_heard"
    SILENCE_BEGAN = "silence_began"
    FALLBACK_BEGAN = "fallback_began"
    DEAD_AIR_BEGAN = "dead_air_began"
    DEAD_AIR_ENDED = "dead_air_ended"
    ENCODERS_FIGHT = "encoders_fight"
    SWITCHED = "switched"


@dataclass(frozen=True, slots=True)
class ChannelEvent:
    """One change; `stream_type` is the selected type (of a switch: the one selected now).

    `end` says why, for `off_air` and `source_lost`; `detail` is a sentence for people, where there is
    more to say.
    """

    change: ChannelChange
    channel_id: str
    stream_type: str
    end: End | None = None
    detail: str = ""


ChannelListener = Callable[[ChannelEvent], None]
