"""Counts the listeners of one HLS broadcast. No I/O.

HLS has no connection that lasts: a listener is a client (address and user agent) that asked for
the playlist or a segment within the last seconds. They are kept in the order of their last
request, so that those that have expired are found at the front, without a timer each. One that has
fetched a segment has a session in the log.
"""

from collections import OrderedDict
from dataclasses import dataclass
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


class Log(Protocol):
    """What keeps the sessions of a broadcast's listeners."""

    def begin(self, address: str, user_agent: bytes) -> int:
        """A listener has fetched its first segment; return the session's number."""

    def end(self, number: int, sent_bytes: int, ended_ago_s: float) -> None:
        """A listener went `ended_ago_s` ago."""


@dataclass(slots=True)
class _Seen:
    last: float
    sent_bytes: int = 0
    session: int = 0  # 0: it has fetched no segment yet


class RecentListeners:
    """The listeners of one broadcast; at most `max_clients`, even if the counter has room for more.

    Only hashes of the clients are kept: nothing of a listener's address stays in memory.
    """

    def __init__(
        self, counter: Counter, *, expiry_s: float, max_clients: int, log: Log | None = None
    ) -> None:
        self._counter = counter
        self._expiry_s = expiry_s
        self._max_clients = max_clients
        self._log = log
        self._seen: OrderedDict[int, _Seen] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def admit(self, client: tuple[str, bytes], now: float, segment_bytes: int = 0) -> bool:
        """Say whether `client` (address, user agent) may listen; one that already does always may.

        `segment_bytes`: the size of the segment that it asks for.
        """
        key = hash(client)
        seen = self._seen.get(key)
        if seen is None:
            self.expire(now)
            if len(self._seen) >= self._max_clients or not self._counter.has_room:
                return False
            seen = self._seen[key] = _Seen(now)
            self._counter.listener_joined()
        else:
            seen.last = now
            self._seen.move_to_end(key)
        if segment_bytes:
            seen.sent_bytes += segment_bytes
            if not seen.session and self._log is not None:
                seen.session = self._log.begin(*client)
        return True

    def expire(self, now: float) -> None:
        """Count out those that have been silent for longer than the expiry."""
        oldest = now - self._expiry_s
        while self._seen and next(iter(self._seen.values())).last < oldest:
            _, seen = self._seen.popitem(last=False)
            self._counter.listener_left()
            self._end(seen, now)

    def close(self, now: float) -> None:
        """End all sessions: the broadcast is over. The counter is the broadcast's to clear."""
        while self._seen:
            self._end(self._seen.popitem(last=False)[1], now)

    def _end(self, seen: _Seen, now: float) -> None:
        if seen.session and self._log is not None:
            self._log.end(seen.session, seen.sent_bytes, now - seen.last)
