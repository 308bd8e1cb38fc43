"""Counts as the server would have them, with real broadcasts."""

from collections.abc import Mapping

from awazpulse.channels.quality import Quality
from awazpulse.kinds import StreamType
from awazpulse.metrics.gauges import Counted, DatabaseCounts, Gauges
from awazpulse.metrics.histogram import Histogram
from awazpulse.relay import Broadcast, End, Station
from tests.awazpulse.channels.support import FakeSource


class Delivery:
    """Takes a broadcast and does nothing with it."""

    def on_track(self, *_: object) -> None: ...

    def on_frames(self, *_: object) -> None: ...

    def on_title(self, *_: object) -> None: ...

    def on_break(self, *_: object) -> None: ...

    def on_close(self, _end: End) -> None: ...


class World:
    """Everything that is counted, for a test to set."""

    def __init__(self, max_channels: int = 1000) -> None:
        self.live: list[Broadcast] = []
        self.refused_logins: Mapping[str, int] = {"wrong_secret": 2}
        self.joins = 7
        self.sent_bytes = 1000
        self.requeued = 4
        self.departures: Mapping[str, int] = {"stalled": 3, "ended": 0}
        self.interval_s = 0.25
        self.gaps = 5
        self.pending = 6
        self.lost = 8
        self.qualities: dict[int, Quality] = {}
        self.is_draining = False
        self.database = DatabaseCounts()
        self.lag = Histogram((0.1,))
        counted = Counted(self, self, self, self, self, lambda: self.is_draining)
        self.gauges = Gauges(counted, self.database, self.lag, "1.2.3", max_channels)

    def live_broadcasts(self) -> list[Broadcast]:
        return self.live

    def find(self, broadcast: Broadcast) -> Quality | None:
        return self.qualities.get(broadcast.id)

    def go_live(
        self, channel: str, kind: StreamType = StreamType.ICECAST, listeners: int = 0
    ) -> Broadcast:
        broadcast = Broadcast(channel, kind.value, max_listeners=10**6, now=0.0)
        broadcast.attach(kind, Delivery())
        broadcast.connect(FakeSource(), Station(), 0.0)
        for _ in range(listeners):
            broadcast.listeners_of(kind).listener_joined()
        self.qualities[broadcast.id] = Quality(128, 2, 3.0, None)
        self.live.append(broadcast)
        return broadcast
