"""All figures at one moment, as values. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HistogramFigures:
    """A histogram as Prometheus takes it: how many were not above each bound, and the sum of all."""

    buckets: list[tuple[str, float]]
    sum_s: float


@dataclass(slots=True)
class ChannelFigures:
    """A channel on air, or several that are added up."""

    channel: str
    listeners: dict[str, int]  # by type
    bitrate_kbps: int = 0  # of its source, 0 while that is unknown
    gaps: int = 0  # of its present source
    sources: int = 0  # that are connected

    def add(self, other: "ChannelFigures") -> None:
        """Add another channel's figures to these."""
        for name, count in other.listeners.items():
            self.listeners[name] = self.listeners.get(name, 0) + count
        self.bitrate_kbps += other.bitrate_kbps
        self.gaps += other.gaps
        self.sources += other.sources


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every figure. What is by type has each type, those with 0 too; `channels` is bounded."""

    version: str
    is_draining: bool
    broadcasts: Mapping[str, int]
    without_source: Mapping[str, int]
    listeners: Mapping[str, int]
    peak_listeners: Mapping[str, int]
    joins: Mapping[str, int]
    sent_bytes: Mapping[str, int]
    dropped: Mapping[str, int]  # by reason
    moved: int
    send_interval_s: float
    refused_logins: Mapping[str, int]  # by reason
    gaps: int
    ledger_pending: int
    ledger_lost: int
    database_failures: int
    database_latency: HistogramFigures
    loop_lag: HistogramFigures
    channels: list[ChannelFigures]
