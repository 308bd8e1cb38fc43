"""How well each source's audio comes: its bitrate, its gaps and its clock.

Once a second the broadcasts are looked at. The length of the audio against the time that it took to come
shows how fast the encoder's clock is.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from awazpulse.relay import Broadcast, Input

logger = logging.getLogger(__name__)

INTERVAL_S = 1.0
GAP_S = 2.5  # a source that nobody needs audio of just now is read every two seconds
MIN_CLOCK_S = 60.0  # before that the size of one packet hides the clock
REPORT_INTERVAL_S = 10.0
NOTABLE_CLOCK_PERCENT = 1.0
NOTABLE_BITRATE_RATIO = 1.25


@dataclass(frozen=True, slots=True)
class Quality:
    """How well a source's audio has come since it was first heard.

    `clock_percent`: how much faster than ours the encoder's clock is, None within the first minute.
    """

    bitrate_kbps: int | None
    gaps: int
    longest_gap_s: float
    clock_percent: float | None

    def describe(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "bitrateKbps": self.bitrate_kbps,
            "gaps": self.gaps,
            "longestGapSeconds": self.longest_gap_s,
            "clockPercent": self.clock_percent,
        }


class SourceQuality:
    """Watches one source. No I/O; `now` is monotonic seconds."""

    def __init__(self, source_input: Input) -> None:
        self.source_input = source_input
        self.reported_at: float | None = None
        self.reported: Quality | None = None
        self.gaps = 0
        self._longest_gap_s = 0.0
        self._last_frame = -1.0
        self._began: tuple[float, int] | None = None  # when, and the samples by then
        self._audio_s = 0.0
        self._clock_s = 0.0
        self._bitrate_kbps: int | None = None

    def look(self, broadcast: Broadcast, now: float) -> None:
        """Take note of what has come."""
        last, samples, track = broadcast.last_frame, broadcast.published_samples, broadcast.track
        if track is None or not self.source_input.has_been_heard:
            return
        self._bitrate_kbps = broadcast.bitrate_kbps
        if self._last_frame >= 0 and last > self._last_frame:
            gap_s = last - self._last_frame
            if gap_s > GAP_S:
                self.gaps += 1
                self._longest_gap_s = max(self._longest_gap_s, gap_s)
                self._began = None  # what was lost in it is not the clock's
        self._last_frame = last
        if self._began is None or samples < self._began[1]:
            self._began = (now, samples)
        began, before = self._began
        self._clock_s, self._audio_s = now - began, (samples - before) / track.sample_rate

    def describe(self) -> Quality:
        """Return what is known now."""
        is_long = self._clock_s >= MIN_CLOCK_S
        percent = round((self._audio_s / self._clock_s - 1) * 100, 2) if is_long else None
        return Quality(self._bitrate_kbps, self.gaps, round(self._longest_gap_s, 1), percent)

    def take_report(self, now: float) -> Quality | None:
        """Return the quality if it is worth telling: at first, and when it has changed notably."""
        if self.reported_at is None:
            self.reported_at = now
        if now - self.reported_at < REPORT_INTERVAL_S:
            return None
        self.reported_at = now
        quality, former = self.describe(), self.reported
        if quality.bitrate_kbps is None or (former is not None and not _differ(former, quality)):
            return None
        self.reported = quality
        return quality


def _differ(former: Quality, present: Quality) -> bool:
    if present.gaps != former.gaps:
        return True
    clock = abs((present.clock_percent or 0.0) - (former.clock_percent or 0.0))
    if clock >= NOTABLE_CLOCK_PERCENT:
        return True
    rates = sorted((former.bitrate_kbps or 1, present.bitrate_kbps or 1))
    return rates[1] / max(1, rates[0]) >= NOTABLE_BITRATE_RATIO


class QualityMonitor:
    """Watches the sources of all broadcasts. `start`, then `close`.

    `on_report(broadcast, quality)` is called when there is something to tell.
    """

    def __init__(
        self,
        list_broadcasts: Callable[[], Iterable[Broadcast]],
        on_report: Callable[[Broadcast, Quality], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._list_broadcasts = list_broadcasts
        self._on_report = on_report
        self._clock = clock
        self.gaps = 0  # of all sources since the start
        self._sources: dict[int, SourceQuality] = {}  # by broadcast
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin."""
        self._timer = asyncio.get_running_loop().call_later(INTERVAL_S, self._turn)

    def close(self) -> None:
        """Stop. A second call changes nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def find(self, broadcast: Broadcast) -> Quality | None:
        """Return how well the present source's audio comes, None while there is no source."""
        known = self._sources.get(broadcast.id)
        if known is None or known.source_input is not broadcast.input:
            return None
        return known.describe()

    def look(self) -> None:
        """Look at all broadcasts once."""
        broadcasts = {broadcast.id: broadcast for broadcast in self._list_broadcasts()}
        for gone in self._sources.keys() - broadcasts.keys():
            del self._sources[gone]
        for broadcast in broadcasts.values():
            self._look_at(broadcast)

    def _look_at(self, broadcast: Broadcast) -> None:
        source_input = broadcast.input
        if source_input is None:
            self._sources.pop(broadcast.id, None)
            return
        known = self._sources.get(broadcast.id)
        if known is None or known.source_input is not source_input:
            known = self._sources[broadcast.id] = SourceQuality(source_input)
        now = self._clock()
        gaps = known.gaps
        known.look(broadcast, now)
        self.gaps += known.gaps - gaps
        report = known.take_report(now)
        if report is not None:
            self._on_report(broadcast, report)

    def _turn(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(INTERVAL_S, self._turn)
        try:
            self.look()
        except Exception:
            logger.exception("the quality of the sources cannot be looked at")
