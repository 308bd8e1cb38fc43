"""Lets time pass for every broadcast on air: the asyncio shell of `Broadcast.advance`.

One timer for all of them, quick while silence or a fallback is on its way to listeners.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from .broadcast import Broadcast

logger = logging.getLogger(__name__)

PACE_S = 0.05  # two frames of silence; the fan-out sends less often than that
WATCH_S = 0.25  # how late a source's silence may be noticed


class Standby:
    """Calls `advance` of the broadcasts that `list_broadcasts` returns. `start`, then `close`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        list_broadcasts: Callable[[], Iterable[Broadcast]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._loop = loop
        self._list_broadcasts = list_broadcasts
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._failing: set[int] = set()  # ids of broadcasts

    def start(self) -> None:
        """Begin. A second call changes nothing, and so does one after `close`."""
        if self._timer is None and not self._is_closed:
            self._timer = self._loop.call_later(WATCH_S, self._run)

    def close(self) -> None:
        """Stop. A second call changes nothing."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _run(self) -> None:
        interval_s = WATCH_S
        try:
            # A copy: one that ends leaves the list.
            broadcasts = tuple(self._list_broadcasts())
            self._failing &= {broadcast.id for broadcast in broadcasts}
            now = self._clock()
            for broadcast in broadcasts:
                self._advance(broadcast, now)
                if broadcast.needs_pace:
                    interval_s = PACE_S
        finally:
            if not self._is_closed:  # `advance` may have ended the server
                self._timer = self._loop.call_later(interval_s, self._run)

    def _advance(self, broadcast: Broadcast, now: float) -> None:
        try:
            broadcast.advance(now)
        except Exception:
            # One channel's trouble is not another's; it is logged once, for it may come 20 times a second.
            if broadcast.id not in self._failing:
                self._failing.add(broadcast.id)
                logger.exception("channel=%s cannot go on", broadcast.channel_id)
        else:
            self._failing.discard(broadcast.id)
