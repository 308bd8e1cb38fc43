"""What Prometheus is answered, and who may ask."""

import asyncio
import time
from collections.abc import Callable

from awazpulse.kinds import MetricsAccess

from .gauges import Gauges
from .snapshot import Snapshot

OPENMETRICS = "application/openmetrics-text"
MAX_AGE_S = 1.0  # of an answer that is given again: whoever asks more often costs nothing


class Scrape:
    """Reads the figures on the event loop's thread and writes their text on another one."""

    def __init__(
        self,
        gauges: Gauges,
        access: MetricsAccess,
        max_age_s: float = MAX_AGE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.access = access  # may be changed at any time
        self._gauges = gauges
        self._max_age_s = max_age_s
        self._clock = clock
        self._turn = asyncio.Lock()
        self._snapshot: Snapshot | None = None
        self._read_at = 0.0
        # Of the snapshot, by whether OpenMetrics is asked for.
        self._texts: dict[bool, tuple[bytes, str]] = {}

    async def render(self, accept: str) -> tuple[bytes, str]:
        """Return the text and its content type. `accept` is the header of the request."""
        async with self._turn:
            now = self._clock()
            if self._snapshot is None or now - self._read_at >= self._max_age_s:
                self._snapshot, self._read_at = self._gauges.read(), now
                self._texts.clear()
            is_open = OPENMETRICS in accept
            if is_open not in self._texts:
                self._texts[is_open] = await asyncio.to_thread(_render, self._snapshot, is_open)
            return self._texts[is_open]


def _render(snapshot: Snapshot, is_openmetrics: bool) -> tuple[bytes, str]:  # noqa: FBT001  # it is a thread's
    from .exposition import render  # noqa: PLC0415  # prometheus-client is loaded by the first who asks

    return render(snapshot, is_openmetrics=is_openmetrics)
