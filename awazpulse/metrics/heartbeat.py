"""Looks every half second how late the event loop is, and how many listen.

A loop that is late sends audio late: this is the first figure to look at when listeners complain.
"""

import asyncio
from collections.abc import Callable

from .histogram import Histogram

INTERVAL_S = 0.5
LAG_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Heartbeat:
    """`start`, then `close`. `on_beat` is called each time, and must be quick."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self.lag = Histogram(LAG_BOUNDS_S)
        self._loop = loop
        self.on_beat: Callable[[], None] = lambda: None
        self._interval_s = interval_s
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin."""
        self._set_timer()

    def close(self) -> None:
        """Stop. A second call changes nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        self._due = self._loop.time() + self._interval_s
        self._timer = self._loop.call_at(self._due, self._beat)

    def _beat(self) -> None:
        # The loop's timers count in milliseconds, and may run a little too early.
        self.lag.observe(max(0.0, self._loop.time() - self._due))
        self._set_timer()
        self.on_beat()
