"""Many raw sockets in one selector, which the event loop watches as a single descriptor.

A transport or a loop's reader for each socket costs memory and a detour each; and when thousands
are ready at once, the loop would serve all of them in one turn. Here a turn serves what `turn_s`
allows and leaves the rest to the next one.
"""

import asyncio
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE

Owner = TypeVar("Owner")


class SocketSelector(Generic[Owner]):
    """Calls `on_event(owner, mask)` when an owner's socket is ready (`READ`, `WRITE`).

    An owner that was unregistered hears nothing more, even if it was ready already.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_event: Callable[[Owner, int], None],
        turn_s: float,
    ) -> None:
        self._loop = loop
        self._on_event = on_event
        self._turn_s = turn_s
        self._selector = selectors.DefaultSelector()
        # Every selector but the one of select() has a descriptor of its own: epoll, kqueue, devpoll.
        self._fd: int = self._selector.fileno()  # type: ignore[attr-defined,unused-ignore]
        self._ready: deque[tuple[int, Owner, int]] = deque()
        loop.add_reader(self._fd, self._work_off)

    def __len__(self) -> int:
        return len(self._selector.get_map())

    def register(self, owned: socket.socket, owner: Owner, mask: int = READ) -> None:
        """Watch a socket for its owner."""
        self._selector.register(owned, mask, owner)

    def modify(self, owned: socket.socket, owner: Owner, mask: int) -> None:
        """Watch a socket for something else."""
        self._selector.modify(owned, mask, owner)

    def unregister(self, owned: socket.socket) -> None:
        """Stop watching a socket; call it before the socket is closed."""
        self._selector.unregister(owned)

    def owners(self) -> list[Owner]:
        """Return the owners of all sockets that are watched."""
        return [key.data for key in self._selector.get_map().values()]

    def close(self) -> None:
        """Let go of the loop. The sockets stay open."""
        self._loop.remove_reader(self._fd)
        self._selector.close()

    def _work_off(self) -> None:
        ready = self._ready
        if not ready:
            ready.extend((key.fd, key.data, mask) for key, mask in self._selector.select(0))
        watched = self._selector.get_map()
        deadline = time.monotonic() + self._turn_s
        while ready:
            fd, owner, mask = ready.popleft()
            # A descriptor's number is used anew: only the same owner is the same socket.
            key = watched.get(fd)
            if key is not None and key.data is owner:
                self._on_event(owner, mask)
            if time.monotonic() > deadline:
                return  # level-triggered: the loop calls again
