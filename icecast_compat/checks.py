"""Requests of port 8000 that wait for a decision: logins and title updates, bounded in number.

A guesser's answers are delayed, so its address may have only some of them under way: it keeps no owner out.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from functools import partial

from awazpulse.addresses import identify_peer


class Checks:
    """The checks under way. `max_checks` in all, `max_per_peer` of one address or IPv6 network."""

    def __init__(self, max_checks: int, max_per_peer: int) -> None:
        self._max_checks = max_checks
        self._max_per_peer = max_per_peer
        self._tasks: dict[asyncio.Task[None], str] = {}  # with the peer of each
        self._of_peer: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._tasks)

    def has_room(self, address: str) -> bool:
        """Whether one more check of this address may begin."""
        of_peer = self._of_peer[identify_peer(address)] if self._tasks else 0
        return len(self._tasks) < self._max_checks and of_peer < self._max_per_peer

    def start(
        self, address: str, work: Coroutine[None, None, None], on_cancelled: Callable[[], None]
    ) -> None:
        """Run a check. `on_cancelled` is called if it is cancelled, be it before its first step."""
        peer = identify_peer(address)
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = peer
        self._of_peer[peer] += 1
        task.add_done_callback(partial(self._end, on_cancelled))

    async def close(self) -> None:
        """Cancel all of them. A second call changes nothing."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self, on_cancelled: Callable[[], None], task: asyncio.Task[None]) -> None:
        peer = self._tasks.pop(task)
        self._of_peer[peer] -= 1
        if not self._of_peer[peer]:
            del self._of_peer[peer]  # no entry stays for each address that ever came
        if task.cancelled():
            on_cancelled()
