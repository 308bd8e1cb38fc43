"""Keeps an error of ours from those who have no part in it, and logs it once a turn. No I/O."""

import logging
from types import TracebackType


class Faults:
    """The errors of one turn of the loop.

    Each step that may fail alone is taken inside `with faults:`. An `Exception` ends that step and is
    counted. At the end of the turn `report` logs the first with its traceback, and how many there were:
    an audience of 10,000 may fail 10,000 times in one turn, for one reason.
    """

    def __init__(self, logger: logging.Logger, what: str) -> None:
        self._logger = logger
        self._what = what
        self._first: Exception | None = None
        self._count = 0

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.add(error)
        return True

    def add(self, error: Exception) -> None:
        """Count an error that was caught elsewhere."""
        self._first = self._first or error
        self._count += 1

    def report(self) -> None:
        """Log what has failed since the last report, if anything has."""
        first, count = self._first, self._count
        if first is not None:
            self._first, self._count = None, 0
            self._logger.error("%s: errors=%d, the first is", self._what, count, exc_info=first)
