"""What a stream's row should say, worked out from its broadcast. No I/O.

Uptime is kept as an absolute total, not added in SQL: writing it again after an outage, or after
a commit whose answer was lost, cannot count anything twice.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from awazpulse.kinds import StreamStatus
from awazpulse.relay import Broadcast

UPTIME_STEP_S = 30  # a crash loses at most this much of totalUptime
MAX_TEXT_CHARACTERS = 255  # the columns' length

Values = dict[str, Any]

# What every row says that is off air, whoever takes it off: a switch, the start's repair, the writer.
OFF_AIR: Values = {"current_listeners": 0, "current_track": None, "current_artist": None}


@dataclass(slots=True)
class RowState:
    """One stream's row: what it should say, and what is known to be written.

    `uptime_s` is the total of the broadcasts that have ended. `written` is empty when everything
    must be written anew. `revision` tells a writer that the state changed while it wrote.
    `delivery` is the row's type. `changed_at` is when its audio began or ended last.
    """

    stream_id: str
    channel_id: str
    delivery: str
    uptime_s: float
    changed_at: datetime
    broadcast: Broadcast | None = None
    is_simulcast: bool = False  # live though another row may be the selected one
    revision: int = 0
    written: Values = field(default_factory=dict)

    def change(self, broadcast: Broadcast | None, at: datetime) -> None:
        """Go on air with `broadcast`, or off air with None."""
        self.broadcast = broadcast
        self.changed_at = at
        self.revision += 1
        self.written = {}

    def total_uptime_s(self, now: float) -> int:
        """Return the total with what is on air. `now` is monotonic seconds."""
        return int(self.uptime_s + (self.broadcast.aired_s(now) if self.broadcast else 0.0))

    def find_changes(self, now: float) -> Values:
        """Return the columns to write, by attribute name; none when the row is true."""
        return {
            name: value
            for name, value in self.describe(now).items()
            if name not in self.written
            or (value != self.written[name] and _matters(name, value, self.written[name]))
        }

    def describe(self, now: float) -> Values:
        """Return what the row should say, by attribute name."""
        values: Values = {
            "status": StreamStatus.LIVE if self.broadcast else StreamStatus.OFFLINE,
            "last_online_at": self.changed_at,
            "total_uptime": self.total_uptime_s(now),
            **OFF_AIR,
        }
        if self.broadcast:
            values |= describe_broadcast(self.broadcast, self.delivery)
        return values


def describe_broadcast(broadcast: Broadcast, delivery: str) -> Values:
    """Return what a live broadcast says of the row of one of its deliveries, by attribute name."""
    values: Values = {
        "current_listeners": broadcast.listeners_of(delivery).listeners,
        "current_track": _fit(broadcast.title.track),
        "current_artist": _fit(broadcast.title.artist),
    }
    if broadcast.track:
        values["format"] = broadcast.track.codec.value
    if broadcast.bitrate_kbps:
        values["bitrate"] = broadcast.bitrate_kbps
    return values


def _matters(name: str, wanted: Any, written: Any) -> bool:  # noqa: ANN401  # a column's value
    """Say whether a value is worth an update; some move all the time."""
    if name == "total_uptime":
        return bool(wanted - written >= UPTIME_STEP_S)
    if name == "bitrate":
        return bool(abs(wanted - written) > max(2, written // 20))
    return True


def _fit(text: str) -> str | None:
    if not text:
        return None
    # A lone surrogate, which no database takes, would otherwise block its row for good.
    return text[:MAX_TEXT_CHARACTERS].encode("utf-8", "replace").decode()
