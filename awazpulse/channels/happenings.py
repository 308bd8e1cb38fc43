"""The last things that happened to each channel, for its owner's diagnosis. No I/O.

What a stranger can cause, which is a refused login, takes half of the places at most, and the same one
again is counted and takes no further place. So nobody can push out what the owner looks for.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from awazpulse.addresses import identify_peer

from .events import ChannelChange, ChannelEvent

MAX_HAPPENINGS = 50
MAX_REFUSALS = MAX_HAPPENINGS // 2
MAX_CHANNELS = 10_000  # the one that was quiet for longest is forgotten first
MAX_TEXT_CHARACTERS = 500

# Measurements come all the time, and titles have a history of their own.
_NOT_KEPT = (ChannelChange.LISTENERS, ChannelChange.LEVELS, ChannelChange.TITLE)


@dataclass(slots=True)
class Happening:
    """One thing, which happened `count` times, the last time at `time` (seconds since 1970)."""

    kind: ChannelChange
    stream_type: str
    time: float
    facts: dict[str, object]
    first_time: float
    count: int = 1


class Happenings:
    """Takes events, and keeps the newest of each channel."""

    def __init__(
        self, max_channels: int = MAX_CHANNELS, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._wall_clock = wall_clock
        self._max_channels = max_channels
        self._by_channel: OrderedDict[str, list[Happening]] = OrderedDict()

    def note(self, event: ChannelEvent) -> None:
        """Keep an event, which has just come."""
        if event.change in _NOT_KEPT:
            return
        kept = self._by_channel.setdefault(event.channel_id, [])
        self._by_channel.move_to_end(event.channel_id)
        if len(self._by_channel) > self._max_channels:
            self._by_channel.popitem(last=False)
        facts = {name: _shorten(value) for name, value in event.describe().items()}
        wall = self._wall_clock()
        happening = Happening(event.change, event.stream_type, wall, facts, wall)
        if event.change is ChannelChange.LOGIN_REFUSED:
            _join_with_same(kept, happening)
        kept.append(happening)
        _make_room(kept)

    def list_newest(self, channel_id: str) -> list[Happening]:
        """Return what is kept of a channel, the newest first."""
        return list(reversed(self._by_channel.get(channel_id, ())))


def _join_with_same(kept: list[Happening], refusal: Happening) -> None:
    """Take the same refusal of the same peer off the list, and count it in the new one."""
    for known in kept:
        if known.kind is refusal.kind and _identify(known) == _identify(refusal):
            kept.remove(known)
            refusal.count += known.count
            refusal.first_time = known.first_time
            return


def _identify(refusal: Happening) -> tuple[object, ...]:
    peer = identify_peer(str(refusal.facts.get("address", "")))
    return (refusal.facts.get("reason"), refusal.stream_type, peer)


def _make_room(kept: list[Happening]) -> None:
    refusals = [known for known in kept if known.kind is ChannelChange.LOGIN_REFUSED]
    if len(refusals) > MAX_REFUSALS:
        kept.remove(refusals[0])
    if len(kept) > MAX_HAPPENINGS:
        del kept[0]


def _shorten(value: object) -> object:
    return value[:MAX_TEXT_CHARACTERS] if isinstance(value, str) else value
