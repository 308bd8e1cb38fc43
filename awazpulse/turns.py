"""Runs jobs outside of the call that asked for them, a little in each turn of the event loop.

Packaging a segment takes 0.2 ms. An encoder's read callback must not wait for that, and where the
segments of many channels end together nobody else must wait for all of them. So jobs wait in line,
and one turn of the loop runs them for at most `budget_s` (a job that takes longer runs alone).
"""

import logging
from collections import deque
from collections.abc import Callable

logger = logging.getLogger(__name__)

Job = Callable[[], None]


class Turns:
    """A line of jobs. `call_soon` is the event loop's, `clock` returns monotonic seconds."""

    def __init__(
        self, call_soon: Callable[[Job], object], clock: Callable[[], float], budget_s: float
    ) -> None:
        self._call_soon = call_soon
        self._clock = clock
        self._budget_s = budget_s
        self._jobs: deque[Job] = deque()

    @property
    def is_idle(self) -> bool:
        """Whether no job waits."""
        return not self._jobs

    def add(self, job: Job) -> None:
        """Have `job` run in a later turn, after those that were added before it."""
        self._jobs.append(job)
        if len(self._jobs) == 1:
            self._call_soon(self._run)

    def _run(self) -> None:
        end = self._clock() + self._budget_s
        while self._jobs:
            try:
                self._jobs[0]()
            except Exception:
                # One channel's trouble is not another's: the rest of the line goes on.
                logger.exception("a job failed")
            # Taken off only now, so that a job that adds one does not schedule this method twice.
            self._jobs.popleft()
            if self._clock() >= end:
                break
        if self._jobs:
            self._call_soon(self._run)
