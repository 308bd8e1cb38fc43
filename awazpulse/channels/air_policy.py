"""How a channel's settings shape its life on air. Pure functions of a row."""

from typing import Protocol

from awazpulse.kinds import StreamType
from awazpulse.relay.life import AirPolicy

from .levels import DeadAirSettings


class AirSettings(Protocol):
    """The columns that count here."""

    @property
    def grace_time(self) -> int:
        """Seconds."""

    @property
    def fallback_after(self) -> int:
        """Seconds."""

    @property
    def fallback_file(self) -> str | None:
        """A name in the channel's folder, or an operator's path."""

    @property
    def always_on(self) -> bool:
        """Whether the fallback keeps it on air."""

    @property
    def dead_air_level(self) -> int:
        """In dBFS."""

    @property
    def dead_air_after(self) -> int:
        """Seconds."""

    @property
    def dead_air_fallback(self) -> bool:
        """Whether dead air starts the fallback."""

    @property
    def simulcast(self) -> bool:
        """Whether both deliveries run from one source."""


def make_air_policy(channel: AirSettings) -> AirPolicy:
    """Return how long the channel waits, and for what."""
    return AirPolicy(
        grace_s=float(channel.grace_time),
        fallback_after_s=float(channel.fallback_after),
        has_fallback=bool(channel.fallback_file),
        is_always_on=channel.always_on,
    )


def make_dead_air_settings(channel: AirSettings) -> DeadAirSettings:
    """Return when the channel counts as dead air."""
    return DeadAirSettings(
        float(channel.dead_air_level), float(channel.dead_air_after), channel.dead_air_fallback
    )


def find_deliveries(channel: AirSettings, selected: StreamType) -> list[StreamType]:
    """Return the deliveries of the channel, the selected one first."""
    if not channel.simulcast:
        return [selected]
    return [selected, *(kind for kind in StreamType if kind is not selected)]
