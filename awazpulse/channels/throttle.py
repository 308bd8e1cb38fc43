"""How long the answer to a wrong secret waits. No I/O: `now` is an argument, the delay a result.

The first failures in a minute are answered at once, for people mistype; then the delay doubles
up to a bound that an encoder's own timeout outlasts. A right secret is never asked to wait.
"""

from collections import OrderedDict, deque

from awazpulse.addresses import identify_peer

WINDOW_S = 60.0
FREE_FAILURES = 5
FIRST_DELAY_S = 0.25
MAX_DELAY_S = 2.0
MAX_KEYS = 10_000  # about 5 MB; beyond it the ones longest quiet are forgotten

_REMEMBERED = 16  # failures per key: enough to reach the greatest delay


class FailureThrottle:
    """Counts wrong secrets by address and channel (or e-mail address)."""

    def __init__(self, max_keys: int = MAX_KEYS) -> None:
        self._max_keys = max_keys
        self._failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._failures)

    def count_failure(self, address: str, target: str, now: float) -> float:
        """Count one failure; return the seconds that its answer must wait."""
        key = (identify_peer(address), target[:255])
        recent = self._failures.setdefault(key, deque(maxlen=_REMEMBERED))
        self._failures.move_to_end(key)
        recent.append(now)
        while recent[0] <= now - WINDOW_S:
            recent.popleft()
        if len(self._failures) > self._max_keys:
            self._failures.popitem(last=False)
        return _delay(len(recent))


def _delay(failures: int) -> float:
    if failures <= FREE_FAILURES:
        return 0.0
    return min(MAX_DELAY_S, FIRST_DELAY_S * 2.0 ** (failures - FREE_FAILURES - 1))
