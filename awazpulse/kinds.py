"""The closed sets of words that rows, rules and the API share. No I/O."""

from enum import StrEnum


class StreamType(StrEnum):
    """How a channel is delivered."""

    HLS = "hls"
    ICECAST = "icecast"

    @property
    def label(self) -> str:
        """The name that people know it by."""
        return "HLS" if self is StreamType.HLS else "Icecast"


class StreamStatus(StrEnum):
    """`live` and `offline` are ours; `scheduled` and `maintenance` are set by other programs."""

    LIVE = "live"
    OFFLINE = "offline"
    SCHEDULED = "scheduled"
    MAINTENANCE = "maintenance"


class Quality(StrEnum):
    """A label for people; the audio is what the encoder sends."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    HD = "hd"


class TakeoverPolicy(StrEnum):
    """What a second encoder with the right key does while the first one is on air."""

    TAKEOVER = "takeover"
    REFUSE = "refuse"


class FormatChange(StrEnum):
    """What becomes of Icecast listeners when the sample rate or the number of channels changes."""

    CONTINUE = "continue"
    END = "end"


class MetricsAccess(StrEnum):
    """Who may read `/metrics`."""

    LOOPBACK = "loopback"
    ANYBODY = "anybody"
    ADMIN = "admin"


class Role(StrEnum):
    """What a user may do; see `awazpulse.channels.access`."""

    STATION_OWNER = "station_owner"
    ADMIN = "admin"
