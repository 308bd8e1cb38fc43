"""What an owner is shown who asks why the station cannot be heard: the present state, and the last happenings.

All of it is in memory, of this server's run.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from awazpulse.relay import Broadcast

from .happenings import Happening, Happenings
from .live_channels import AudioFacts, find_audio
from .quality import Quality, QualityMonitor


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """The encoder that is connected, and for how long."""

    address: str
    encoder: str
    connected_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """A channel as it is now. `state` and `sound` are the words of the relay; all but them may be unknown."""

    state: str
    sound: str
    on_air_s: float | None
    source: SourceFacts | None
    audio: AudioFacts | None
    quality: Quality | None
    happenings: list[Happening]


class Diagnosis:
    """See the module's head. `find_live` returns what is on air on a channel."""

    def __init__(
        self,
        find_live: Callable[[str], Broadcast | None],
        happenings: Happenings,
        quality: QualityMonitor,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find_live = find_live
        self._happenings = happenings
        self._quality = quality
        self._clock = clock

    def report(self, channel_id: str) -> Report:
        """Return what is known of a channel now."""
        happenings = self._happenings.list_newest(channel_id)
        broadcast = self._find_live(channel_id)
        if broadcast is None:
            return Report("off", "nothing", None, None, None, None, happenings)
        now, source = self._clock(), None
        if broadcast.input is not None:
            station = broadcast.input.station
            source = SourceFacts(
                station.address, station.user_agent, round(now - broadcast.connected_at, 1)
            )
        return Report(
            broadcast.state.value,
            broadcast.sound.value,
            round(now - broadcast.started, 1),
            source,
            find_audio(broadcast),
            self._quality.find(broadcast),
            happenings,
        )
