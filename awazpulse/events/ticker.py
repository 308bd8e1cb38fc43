"""Tells once a second how many listen, and how loud it is, where somebody reads of it."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from awazpulse.channels.events import ChannelChange, ChannelEvent
from awazpulse.channels.levels import LevelReport
from awazpulse.kinds import StreamType
from awazpulse.relay import Broadcast

from .hub import EventHub

logger = logging.getLogger(__name__)

INTERVAL_S = 1.0


class Ticker:
    """`start`, then `close`. Counts are told when they have changed; levels always."""

    def __init__(
        self,
        hub: EventHub,
        list_broadcasts: Callable[[], Iterable[Broadcast]],
        read_levels: Callable[[str], LevelReport],
        on_tick: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_tick = on_tick
        self._hub = hub
        self._list_broadcasts = list_broadcasts
        self._read_levels = read_levels
        self._told: dict[str, dict[str, object]] = {}  # counts by channel
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="event ticker")

    async def close(self) -> None:
        """Stop. A second call changes nothing."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL_S)
            try:
                self.tick()
            except Exception:
                logger.exception("listeners and levels cannot be told")

    def tick(self) -> None:
        """Tell what is new."""
        self._on_tick()
        if not self._hub.has_subscribers:
            self._told.clear()
            return
        told: dict[str, dict[str, object]] = {}
        for broadcast in self._list_broadcasts():
            channel_id = broadcast.channel_id
            if not self._hub.is_watched(channel_id):
                continue
            counts = {kind.value: broadcast.listeners_of(kind).listeners for kind in StreamType}
            facts: dict[str, object] = {**counts, "total": sum(counts.values())}
            told[channel_id] = facts
            if self._told.get(channel_id) != facts:
                self._tell(broadcast, ChannelChange.LISTENERS, facts)
            if self._hub.wants_levels(channel_id):
                self._tell(broadcast, ChannelChange.LEVELS, self._describe_levels(channel_id))
        self._told = told

    def _tell(self, broadcast: Broadcast, change: ChannelChange, facts: dict[str, object]) -> None:
        stream_type = str(broadcast.stream_type)
        self._hub.note(ChannelEvent(change, broadcast.channel_id, stream_type, facts=facts))

    def _describe_levels(self, channel_id: str) -> dict[str, object]:
        levels = self._read_levels(channel_id)
        return {
            "sound": levels.sound,
            "isDeadAir": levels.is_dead_air,
            "peakDbfs": levels.peak_dbfs,
            "rmsDbfs": levels.rms_dbfs,
            "isClipped": levels.is_clipped,
            "isMono": levels.is_mono,
        }
