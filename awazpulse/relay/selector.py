"""Many raw sockets in one selector, which the event loop watches as a single descriptor.

A transport, or a reader of the event loop, for each socket would cost more memory and time. And when
thousands of sockets are ready at once, the loop would serve all of them in one turn. Here a turn takes
`_READY_AT_ONCE` of them from the kernel, and serves them for `turn_s` at most. The next turn goes on.
"""

import asyncio
import logging
import select
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from .faults import Faults

logger = logging.getLogger(__name__)

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE

_READY_AT_ONCE = 256  # taken from the kernel in one call; to take 16,000 would last 10 ms

Owner = TypeVar("Owner")


class Poller(Protocol):
    """Reports which descriptors are ready. `events` are READ, WRITE or both."""

    def fileno(self) -> int:
        """Return the poller's own descriptor, which is readable when a watched one is ready."""

    def register(self, fd: int, events: int) -> None:
        """Watch a descriptor."""

    def modify(self, fd: int, events: int) -> None:
        """Change the events for which a descriptor is watched."""

    def unregister(self, fd: int) -> None:
        """Stop watching it."""

    def poll(self) -> list[tuple[int, int]]:
        """Return some of the descriptors that are ready now, with their events."""

    def close(self) -> None:
        """Close the poller's own descriptor."""


class EpollPoller:
    """The poller for Linux.

    `selectors.EpollSelector` would return all descriptors that are ready at once, and each descriptor
    would cost 200 bytes more.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self.fileno = self._epoll.fileno
        self.unregister = self._epoll.unregister
        self.close = self._epoll.close

    def register(self, fd: int, events: int) -> None:
        """See `Poller`."""
        self._epoll.register(fd, _to_epoll(events))

    def modify(self, fd: int, events: int) -> None:
        """See `Poller`."""
        self._epoll.modify(fd, _to_epoll(events))

    def poll(self) -> list[tuple[int, int]]:
        """See `Poller`. An error or a hang-up counts as READ and WRITE, because both calls report it."""
        return [
            (
                fd,
                (WRITE if mask & ~select.EPOLLIN else 0) | (READ if mask & ~select.EPOLLOUT else 0),
            )
            for fd, mask in self._epoll.poll(0, _READY_AT_ONCE)
        ]


def _to_epoll(events: int) -> int:
    return (select.EPOLLIN if events & READ else 0) | (select.EPOLLOUT if events & WRITE else 0)


class PortablePoller:
    """The poller for other platforms (on macOS: kqueue)."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self.close = self._selector.close

    def fileno(self) -> int:
        """See `Poller`. Only the selector for select() has no descriptor of its own."""
        fd: int = self._selector.fileno()  # type: ignore[attr-defined,unused-ignore]
        return fd

    def register(self, fd: int, events: int) -> None:
        """See `Poller`."""
        self._selector.register(fd, events)

    def modify(self, fd: int, events: int) -> None:
        """See `Poller`."""
        self._selector.modify(fd, events)

    def unregister(self, fd: int) -> None:
        """See `Poller`."""
        self._selector.unregister(fd)

    def poll(self) -> list[tuple[int, int]]:
        """See `Poller`."""
        return [(key.fd, events) for key, events in self._selector.select(0)]


def open_poller() -> Poller:
    """Return the best poller of the platform."""
    return EpollPoller() if hasattr(select, "epoll") else PortablePoller()


class SocketSelector(Generic[Owner]):
    """Calls `on_event(owner, events)` when an owner's socket is ready (`READ`, `WRITE`).

    `on_event` is never called for an owner after it was unregistered, even if its socket was ready before.
    If `on_event` raises, the error is logged and the other owners are served. The selector calls it again
    as long as the socket is ready, so it must unregister an owner that it cannot serve.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_event: Callable[[Owner, int], None],
        turn_s: float,
        poller: Poller | None = None,
    ) -> None:
        self._loop = loop
        self._on_event = on_event
        self._turn_s = turn_s
        self._poller = poller or open_poller()
        self._fd = self._poller.fileno()
        # The index is the descriptor, a small number. A dictionary would cost ten times the memory.
        self._owners: list[Owner | None] = []
        self._count = 0
        self._is_closed = False
        self._ready: deque[tuple[int, Owner, int]] = deque()
        self._faults = Faults(logger, "a turn of the selector failed")
        loop.add_reader(self._fd, self._work_off)

    def __len__(self) -> int:
        return self._count

    def register(self, owned: socket.socket, owner: Owner, events: int = READ) -> None:
        """Watch a socket, and call `on_event` for its owner."""
        fd = owned.fileno()
        self._poller.register(fd, events)
        if fd >= len(self._owners):
            self._owners += [None] * (fd + 1 - len(self._owners))
        self._owners[fd] = owner
        self._count += 1

    def modify(self, owned: socket.socket, events: int) -> None:
        """Change the events for which a socket is watched."""
        self._poller.modify(owned.fileno(), events)

    def unregister(self, owned: socket.socket) -> None:
        """Stop watching a socket. Call this before the socket is closed."""
        fd = owned.fileno()
        self._poller.unregister(fd)
        self._owners[fd] = None
        self._count -= 1

    def owners(self) -> list[Owner]:
        """Return the owners of all sockets that are watched."""
        return [owner for owner in self._owners if owner is not None]

    def close(self) -> None:
        """Stop using the loop, and call `on_event` no more. The sockets stay open.

        A second call does nothing.
        """
        if self._is_closed:
            return  # the descriptor's number may belong to somebody else by now
        self._is_closed = True
        self._ready.clear()
        self._loop.remove_reader(self._fd)
        self._poller.close()

    def _work_off(self) -> None:
        ready, owners = self._ready, self._owners
        if not ready:
            for fd, events in self._poller.poll():
                owner = owners[fd]
                if owner is not None:
                    ready.append((fd, owner, events))
        deadline = time.monotonic() + self._turn_s
        while ready:
            fd, owner, events = ready.popleft()
            # Another socket may have got the same descriptor since: then the owner is another one.
            if owners[fd] is owner:
                with self._faults:
                    self._on_event(owner, events)
            if time.monotonic() > deadline:
                break  # the poller is level-triggered, so the loop calls again for the rest
        self._faults.report()
