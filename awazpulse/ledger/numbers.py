"""Numbers of sessions and performances, which tell when they began. No I/O.

A number is the time of the beginning in milliseconds since 1970, times 2**20, plus a count. So a listener
costs one integer of memory, and its row can be found and dated by it.
"""

import time
from collections.abc import Callable

_COUNT_BITS = 20


def find_start_ms(number: int) -> int:
    """Return when the session or performance of this number began, in milliseconds since 1970."""
    return number >> _COUNT_BITS


def first_number_at(wall_ms: int) -> int:
    """Return the smallest number of all that begin at this time or later."""
    return wall_ms << _COUNT_BITS


class Numbers:
    """Gives each number once. Its time goes on steadily, also when the wall clock is set."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._offset_s = wall_clock() - clock()
        self._last = 0

    def now_ms(self) -> int:
        """Return the time in milliseconds since 1970, as these numbers tell it."""
        return int((self._clock() + self._offset_s) * 1000)

    def next(self) -> int:
        """Return a new number, greater than all before it."""
        self._last = max(self._last + 1, first_number_at(self.now_ms()))
        return self._last
