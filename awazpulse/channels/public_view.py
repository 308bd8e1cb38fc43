"""What everybody may know of a channel: read often, so the database is asked once in some seconds.

Of the ids that are asked for `MAX_KNOWN` are remembered, those that are none too. At most `MAX_LOOKUPS`
wait for the database at once: beyond them the answer is `ServiceUnavailable`.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from awazpulse.kinds import StreamType
from awazpulse.refusals import ServiceUnavailable, UnknownChannel
from awazpulse.relay import Broadcast
from awazpulse.store import Sessions

from .availability import refusing_when_away
from .public_urls import CHANNEL_ID, PublicUrls
from .records import ChannelRecord, load_channel

LIFETIME_S = 5.0
MAX_KNOWN = 20_000
MAX_LOOKUPS = 100
CONCURRENT_LOOKUPS = 4


@dataclass(frozen=True, slots=True)
class PublicChannel:
    """A channel as everybody sees it; `listeners` is None where the channel keeps that to itself."""

    channel_id: str
    name: str
    description: str
    is_live: bool
    stream_type: StreamType
    playback_urls: dict[StreamType, str | None]
    title: str
    artist: str
    track: str
    listeners: int | None


@dataclass(frozen=True, slots=True)
class _Known:
    read_at: float
    name: str = ""
    description: str = ""
    selected_type: StreamType = StreamType.HLS
    is_simulcast: bool = False
    shows_listeners: bool = False
    exists: bool = True


class PublicView:
    """See the module's head. `live` returns what is on air on a channel."""

    def __init__(
        self,
        sessions: Sessions,
        live: Callable[[str], Broadcast | None],
        urls: Callable[[], PublicUrls],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sessions = sessions
        self._live = live
        self._urls = urls
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lookups: dict[str, asyncio.Task[_Known]] = {}
        self._slots = asyncio.Semaphore(CONCURRENT_LOOKUPS)

    def shows_listeners(self, channel_id: str) -> bool:
        """Whether everybody may know how many listen, as far as is remembered."""
        known = self._known.get(channel_id)
        return known is not None and known.shows_listeners

    def forget(self, channel_id: str) -> None:
        """Read the channel anew when it is next asked for: its row has changed."""
        self._known.pop(channel_id, None)

    def peek(self, channel_id: str) -> PublicChannel | None:
        """Return a channel as it is now, without asking the database; None if that is needed."""
        known = self._known.get(channel_id)
        if known is None or not known.exists or self._clock() - known.read_at > LIFETIME_S:
            return None
        return self._describe(channel_id, known)

    async def get(self, channel_id: str) -> PublicChannel:
        """Return a channel as it is now. Raises `UnknownChannel`, `ServiceUnavailable`."""
        if not CHANNEL_ID.fullmatch(channel_id):
            raise UnknownChannel(channel_id[:64])
        known = self._known.get(channel_id)
        if known is None or self._clock() - known.read_at > LIFETIME_S:
            known = await self._look_up(channel_id)
        if not known.exists:
            raise UnknownChannel(channel_id)
        return self._describe(channel_id, known)

    async def _look_up(self, channel_id: str) -> _Known:
        """Ask the database, once for all who ask at the same time."""
        task = self._lookups.get(channel_id)
        if task is None:
            if len(self._lookups) >= MAX_LOOKUPS:
                raise ServiceUnavailable("look up so many channels at once")
            task = asyncio.get_running_loop().create_task(self._read(channel_id))
            self._lookups[channel_id] = task
            task.add_done_callback(lambda done: self._finish(channel_id, done))
        return await asyncio.shield(task)

    def _finish(self, channel_id: str, done: "asyncio.Task[_Known]") -> None:
        del self._lookups[channel_id]
        if not done.cancelled():
            done.exception()  # who asked may have gone; asyncio would log it as forgotten

    async def _read(self, channel_id: str) -> _Known:
        now = self._clock()
        try:
            async with self._slots:
                with refusing_when_away("look up the channel"):
                    async with self._sessions.read() as session:
                        known = _summarize(await load_channel(session, channel_id), now)
        except UnknownChannel:
            known = _Known(now, exists=False)
        except ServiceUnavailable:
            stale = self._known.get(channel_id)
            if stale is None:
                raise
            return stale
        self._known[channel_id] = known
        self._known.move_to_end(channel_id)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        return known

    def _describe(self, channel_id: str, known: _Known) -> PublicChannel:
        live = self._live(channel_id)
        if live is not None and live.is_closed:
            live = None
        stream_type = StreamType(live.stream_type) if live else known.selected_type
        urls = self._urls()
        title = live.title if live else None
        count = sum(live.listeners_of(kind).listeners for kind in StreamType) if live else 0
        return PublicChannel(
            channel_id,
            known.name,
            known.description,
            live is not None,
            stream_type,
            {
                kind: urls.playback(channel_id, kind)
                if kind is stream_type or known.is_simulcast
                else None
                for kind in StreamType
            },
            title.text if title else "",
            title.artist if title else "",
            title.track if title else "",
            count if known.shows_listeners else None,
        )


def _summarize(record: ChannelRecord, now: float) -> _Known:
    channel = record.channel
    if channel.archived_at is not None:
        return _Known(now, exists=False)
    return _Known(
        now,
        channel.name,
        channel.description or "",
        record.selected_type,
        channel.simulcast,
        channel.show_listeners,
    )
