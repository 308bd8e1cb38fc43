"""What happens to channels, as values for whoever shows or keeps it. No I/O."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from awazpulse.relay import End


class ChannelChange(StrEnum):
    """What happened. Between `on_air` and `off_air` sources come and go.

    `listeners`, `levels` and `quality` are measurements that are told from time to time.
    """

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
    TAKEN_OVER = "taken_over"
    LOGIN_REFUSED = "login_refused"
    TITLE = "title"
    QUALITY = "quality"
    LISTENERS = "listeners"
    LEVELS = "levels"


@dataclass(frozen=True, slots=True)
class ChannelEvent:
    """One change; `stream_type` is the selected type (of a switch: the one selected now).

    `end` says why, for `off_air` and `source_lost`; `detail` is a sentence for people, where there is
    more to say. `facts` have the names and values that JSON shows.
    """

    change: ChannelChange
    channel_id: str
    stream_type: str
    end: End | None = None
    detail: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)

    def describe(self) -> dict[str, object]:
        """Return all that is known of it, for JSON."""
        known: dict[str, object] = dict(self.facts)
        if self.end is not None:
            known |= {"reason": self.end.reason.value, "detail": str(self.end)}
            known |= {"by": self.end.who} if self.end.who else {}
        if self.detail:
            known["detail"] = self.detail
        return known


ChannelListener = Callable[[ChannelEvent], None]
