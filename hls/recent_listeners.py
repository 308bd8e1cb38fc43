"""Counts the listeners of one HLS broadcast. No I/O.

HLS has no connection that lasts: a listener is a client (address and user agent) that asked for
the playlist or a segment within the last seconds. They are kept in the order of their last
request, so that those that have expired are found at the front, without a timer each.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Protocol


class Counter(Protocol):
    """What counts the listeners of a broadcast."""

    @property
    def has_room(self) -> bool:
        """Whether one more listener may join."""

    def listener_joined(self) -> None:
        """Count a listener in."""

    def listener_left(self) -> None:
        """Count a listener out."""


class RecentListeners:
    """The listeners of one broadcast; at most `max_clients`, even if the counter has room for more.

    Only hashes of the clients are kept: nothing of a listener's address stays in memory.
    """

    def __init__(self, counter: Counter, *, expiry_s: float, max_clients: int) -> None:
        self._counter = counter
        self._expiry_s = expiry_s
        self._max_clients = max_clients
        self._seen: OrderedDict[int, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def admit(self, client: Hashable, now: float) -> bool:
        """Say whether `client` may listen; one that already does always may."""
        key = hash(client)
        seen = self._seen
        if key in seen:
            seen[key] = now
            seen.move_to_end(key)
            return True
        self.expire(now)
        if len(seen) >= self._max_clients or not self._counter.has_room:
            return False
        seen[key] = now
        self._counter.listener_joined()
        return True

    def expire(self, now: float) -> None:
        """Count out those that have been silent for longer than the expiry."""
        seen = self._seen
        while seen and next(iter(seen.values())) < now - self._expiry_s:
            seen.popitem(last=False)
            self._counter.listener_left()
