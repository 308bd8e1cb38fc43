"""Lets time pass for every broadcast on air: the asyncio shell of `Broadcast.advance`.

One timer for all of them, quick while silence or a fallback is on its way to listeners.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from .broadcast import Broadcast

logger = logging.getLogger(__name__)

PACE_S = 0.05  # two frames of silence; its listeners are sent to less often than that
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

    def start(self) -> None:
        """Begin."""
        self._timer = self._loop.call_later(WATCH_S, self._run)

    def close(self) -> None:
        """Stop. A second call changes nothing."""
        if self._timer is not None:
            self._timer.cancel()

    def _run(self) -> None:
        now = self._clock()
        needs_pace = False
        for broadcast in self._list_broadcasts():
            try:
                broadcast.advance(now)
            except Exception:
                # One channel's trouble is not another's.
                logger.exception("channel=%s cannot go on", broadcast.channel_id)
            needs_pace = needs_pace or broadcast.needs_pace
        self._timer = self._loop.call_later(PACE_S if needs_pace else WATCH_S, self._run)
