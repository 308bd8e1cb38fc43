"""Reads the server's counts, which are plain numbers, into a `Snapshot`. No I/O.

Nothing is counted for Prometheus alone on the way of the audio: it is read from what is there.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from awazpulse.channels.quality import Quality
from awazpulse.kinds import StreamType
from awazpulse.relay import Broadcast

from .histogram import Histogram
from .snapshot import ChannelFigures, HistogramFigures, Snapshot

# With series of their own: each has five, and Prometheus keeps what it has seen.
MAX_CHANNELS = 1000
OTHER = "other"
DATABASE_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class FanOutCounts(Protocol):
    """What the fan-out to Icecast listeners has counted."""

    joins: int
    sent_bytes: int
    requeued: int

    @property
    def departures(self) -> Mapping[str, int]:
        """How many listeners have gone, by reason."""

    @property
    def interval_s(self) -> float:
        """The seconds between two sends to one listener."""


class HlsCounts(Protocol):
    """What the HLS delivery has counted."""

    joins: int
    sent_bytes: int


class Manager(Protocol):
    """Knows who is on air, and who was not let there."""

    @property
    def refused_logins(self) -> Mapping[str, int]:
        """How many encoders were refused, by reason."""

    def live_broadcasts(self) -> Iterable[Broadcast]:
        """Return all that is on air."""


class QualityReports(Protocol):
    """Knows how well the sources' audio comes."""

    gaps: int

    def find(self, broadcast: Broadcast) -> Quality | None:
        """Return how well the present source's audio comes."""


class LedgerCounts(Protocol):
    """What waits to be written of who listened and what played."""

    @property
    def pending(self) -> int:
        """How many entries wait."""

    @property
    def lost(self) -> int:
        """How many came when too many waited."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Where the counts are."""

    manager: Manager
    fanout: FanOutCounts
    hls: HlsCounts
    quality: QualityReports
    ledger: LedgerCounts
    is_draining: Callable[[], bool]


class DatabaseCounts:
    """How long transactions take, and how many found no database."""

    def __init__(self) -> None:
        self.latency = Histogram(DATABASE_BOUNDS_S)
        self.failures = 0

    def note(self, duration_s: float, is_available: bool) -> None:  # noqa: FBT001  # a callback
        """Count one transaction, from the wish for it to its end."""
        self.latency.observe(duration_s)
        if not is_available:
            self.failures += 1


class Gauges:
    """`note_peak` is to be called often, `read` when somebody asks."""

    def __init__(
        self,
        counted: Counted,
        database: DatabaseCounts,
        lag: Histogram,
        version: str,
        max_channels: int = MAX_CHANNELS,
    ) -> None:
        self._counted = counted
        self._database = database
        self._lag = lag
        self._version = version
        self._max_channels = max_channels
        self._peak: dict[str, int] = dict.fromkeys(StreamType, 0)

    def note_peak(self) -> None:
        """Take note of how many listen now."""
        self._raise_peak(self._count_listeners(self._counted.manager.live_broadcasts()))

    def read(self) -> Snapshot:
        """Return all figures as they are now."""
        counted = self._counted
        live = tuple(counted.manager.live_broadcasts())
        listeners = self._count_listeners(live)
        self._raise_peak(listeners)
        return Snapshot(
            version=self._version,
            is_draining=counted.is_draining(),
            broadcasts=_count_by_type(live),
            without_source=_count_by_type(one for one in live if one.input is None),
            listeners=listeners,
            peak_listeners=dict(self._peak),
            joins={StreamType.HLS: counted.hls.joins, StreamType.ICECAST: counted.fanout.joins},
            sent_bytes={
                StreamType.HLS: counted.hls.sent_bytes,
                StreamType.ICECAST: counted.fanout.sent_bytes,
            },
            dropped=dict(counted.fanout.departures),
            moved=counted.fanout.requeued,
            send_interval_s=counted.fanout.interval_s,
            refused_logins=dict(counted.manager.refused_logins),
            gaps=counted.quality.gaps,
            ledger_pending=counted.ledger.pending,
            ledger_lost=counted.ledger.lost,
            database_failures=self._database.failures,
            database_latency=_describe(self._database.latency),
            loop_lag=_describe(self._lag),
            channels=self._list_channels(live),
        )

    def _count_listeners(self, live: Iterable[Broadcast]) -> dict[str, int]:
        counts: dict[str, int] = dict.fromkeys(StreamType, 0)
        for broadcast in live:
            for kind in StreamType:
                counts[kind] += broadcast.listeners_of(kind).listeners
        return counts

    def _raise_peak(self, listeners: Mapping[str, int]) -> None:
        for kind in StreamType:
            self._peak[kind] = max(self._peak[kind], listeners[kind])

    def _list_channels(self, live: Iterable[Broadcast]) -> list[ChannelFigures]:
        """Return each channel's figures, in the order in which they went on air, and the rest as one."""
        channels: list[ChannelFigures] = []
        rest: ChannelFigures | None = None
        for broadcast in live:
            figures = self._describe_channel(broadcast)
            # A channel may have that name too: then it has no series of its own.
            if len(channels) < self._max_channels and figures.channel != OTHER:
                channels.append(figures)
            else:
                rest = rest or ChannelFigures(OTHER, {})
                rest.add(figures)
        return [*channels, rest] if rest else channels

    def _describe_channel(self, broadcast: Broadcast) -> ChannelFigures:
        quality = self._counted.quality.find(broadcast)
        return ChannelFigures(
            broadcast.channel_id,
            {kind: broadcast.listeners_of(kind).listeners for kind in sorted(broadcast.deliveries)},
            bitrate_kbps=(quality and quality.bitrate_kbps) or 0,
            gaps=quality.gaps if quality else 0,
            sources=int(broadcast.input is not None),
        )


def _count_by_type(live: Iterable[Broadcast]) -> dict[str, int]:
    counts: dict[str, int] = dict.fromkeys(StreamType, 0)
    for broadcast in live:
        counts[broadcast.stream_type] += 1
    return counts


def _describe(histogram: Histogram) -> HistogramFigures:
    return HistogramFigures(histogram.list_buckets(), histogram.sum_s)
