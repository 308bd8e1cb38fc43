"""Catches the errors of single steps, and logs them once for each turn of the loop. No I/O."""

import logging
from types import TracebackType


class Faults:
    """The errors of one turn of the loop.

    Run each step that must not disturb the others inside `with faults:`. It catches and counts every
    `Exception`. At the end of the turn call `report`: it logs the first error with its traceback, and the
    number of all. One mistake of ours may fail for 10,000 listeners in one turn, and must not fill the log.
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
        """Log the errors since the last report, if there were any."""
        first, count = self._first, self._count
        if first is not None:
            self._first, self._count = None, 0
            self._logger.error("%s: errors=%d, the first is", self._what, count, exc_info=first)
