"""How many connections there are, per address and in all, and whether one more may come. No I/O.

A connection is pending until it is live. The limit on pending connections keeps one address from
taking all places and from guessing keys in parallel; live ones have shown a key.
"""

from collections import Counter

from awazpulse.addresses import identify_peer

from .limits import RtmpLimits

REPORT_S = 10  # those who are turned away in a flood are counted, and logged once in this time


class ConnectionCounts:
    """Counts the connections of one server, by the peer's address."""

    def __init__(self, limits: RtmpLimits) -> None:
        self._limits = limits
        self._pending: Counter[str] = Counter()
        self._turned_away = 0
        self._last_report = float("-inf")
        self.connections = 0

    def try_enter(self, address: str) -> bool:
        """Count a new connection as pending, or return False when there is no place for it."""
        peer = identify_peer(address)
        if (
            self.connections >= self._limits.connections
            or self._pending[peer] >= self._limits.pending_per_address
        ):
            self._turned_away += 1
            return False
        self._pending[peer] += 1
        self.connections += 1
        return True

    def count_live(self, address: str) -> None:
        """Count a pending connection as live from now on."""
        self._remove_pending(address)

    def count_pending(self, address: str) -> None:
        """Count a live connection as pending again."""
        self._pending[identify_peer(address)] += 1

    def leave(self, address: str) -> None:
        """Forget a pending connection; one that is live is counted as pending first."""
        self._remove_pending(address)
        self.connections -= 1

    def take_report(self, now: float) -> int:
        """Return how many were turned away since the last report, or 0 if that was just now."""
        if now < self._last_report + REPORT_S:
            return 0
        self._last_report = now
        count, self._turned_away = self._turned_away, 0
        return count

    def _remove_pending(self, address: str) -> None:
        peer = identify_peer(address)
        self._pending[peer] -= 1
        if not self._pending[peer]:
            del self._pending[peer]  # no entry stays for each address that ever came
