"""File descriptors: how many there are, and how many listeners may take.

Every listener is one, and so is every encoder, database connection and API call. When listeners had
taken them all, the encoder that they listen to could not come back; so some are kept for the rest.
"""

import logging
import resource
from collections.abc import Callable

logger = logging.getLogger(__name__)

FEW = 4096  # below it a busy station runs out: worth a warning at the start
_MOST = 1_048_576  # what is asked for where there is no limit


def raise_limit() -> int:
    """Raise the process's limit as far as it may; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        except (OSError, ValueError):  # macOS has a lower limit of its own
            pass
    if soft == resource.RLIM_INFINITY:
        soft = _MOST
    if soft < FEW:
        logger.warning(
            "only %d files may be open, so at most %d listeners; raise the limit (ulimit -n)",
            soft,
            for_listeners(soft),
        )
    return soft


def for_listeners(limit: int) -> int:
    """Return how many of `limit` descriptors listeners may take."""
    return limit - _reserve(limit)


def _reserve(limit: int) -> int:
    return max(96, min(512, limit // 4))


class DescriptorBudget:
    """Shares descriptors out among the ports that listeners come to.

    `count_in` adds a source of clients (a function that returns how many it holds now).
    """

    def __init__(self, limit: int) -> None:
        self._for_listeners = for_listeners(limit)
        self._for_clients = limit - _reserve(limit) // 2
        self._counts: list[Callable[[], int]] = []

    def count_in(self, count: Callable[[], int]) -> None:
        """Count what `count` returns from now on."""
        self._counts.append(count)

    def has_room_for_listener(self) -> bool:
        """Whether one more client may stay to listen."""
        return self._used() < self._for_listeners

    def has_room_for_client(self) -> bool:
        """Whether one more client may ask; it may be an encoder, so this is true for longer."""
        return self._used() < self._for_clients

    def _used(self) -> int:
        return sum(count() for count in self._counts)
