"""Who reads events now, and how many may. They hold their connections, unlike the API's other clients."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from awazpulse.refusals import ServiceUnavailable, TooManyReaders

MAX_CLIENTS = 5000
MAX_CLIENTS_OF_ADDRESS = 200  # of those who have not signed in: a school may share one


class Line(Protocol):
    """A reader's connection."""

    @property
    def is_gone(self) -> bool:
        """Whether the reader has left."""

    def end(self) -> None:
        """Send nothing more."""

    def recheck(self) -> None:
        """Look at once whether the reader may still read."""


class EventClients:
    """Who reads events now, and how many may."""

    def __init__(self) -> None:
        self.count = 0
        self.lines: set[Line] = set()
        self._by_address: Counter[str] = Counter()

    def sweep(self) -> None:
        """Let go of readers that have left, whose places others may want. Called once a second."""
        for line in self.lines:
            if line.is_gone:
                line.end()

    def recheck(self) -> None:
        """Look at once whether those who have signed in may still read: a user has changed."""
        for line in self.lines:
            line.recheck()

    @contextmanager
    def counting(self, address: str | None) -> Iterator[None]:
        """Count one reader for as long as the block lasts; `address` is None for one who has signed in.

        Raises `TooManyReaders`, `ServiceUnavailable`.
        """
        if self.count >= MAX_CLIENTS:
            raise ServiceUnavailable("take more readers of events")
        if address is not None:
            if self._by_address[address] >= MAX_CLIENTS_OF_ADDRESS:
                raise TooManyReaders(MAX_CLIENTS_OF_ADDRESS)
            self._by_address[address] += 1
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1
            if address is not None:
                self._by_address[address] -= 1
                if not self._by_address[address]:
                    del self._by_address[address]
