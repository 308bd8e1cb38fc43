"""Many raw sockets in one selector, which the event loop watches as a single descriptor.

A transport or a loop's reader for each socket costs memory and a detour each; and when thousands
are ready at once, the loop would serve all of them in one turn. Here a turn takes `_READY_AT_ONCE`
of them, serves what `turn_s` allows and leaves the rest to the next one.
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

_READY_AT_ONCE = 256  # taken from the kernel in one call; all of 16,000 would take 10 ms

Owner = TypeVar("Owner")


class Poller(Protocol):
    """What tells which descriptors are ready; `events` are READ and WRITE."""

    def fileno(self) -> int:
        """Return the descriptor that is readable when one of the others is ready."""

    def register(self, fd: int, events: int) -> None:
        """Watch a descriptor."""

    def modify(self, fd: int, events: int) -> None:
        """Watch it for something else."""

    def unregister(self, fd: int) -> None:
        """Stop watching it."""

    def poll(self) -> list[tuple[int, int]]:
        """Return some that are ready now, with their events."""

    def close(self) -> None:
        """Give its own descriptor back."""


class EpollPoller:
    """Linux's own.

    Through `selectors` it would hand over all that are ready at once, and each descriptor would cost
    200 bytes of memory more.
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
        """See `Poller`; errors and hang-ups are both events, as reading and writing tell of them."""
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
    """Whatever else the platform has (macOS: kqueue)."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self.close = self._selector.close

    def fileno(self) -> int:
        """See `Poller`. Every selector but the one of select() has a descriptor of its own."""
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
    """Return the best that the platform has."""
    return EpollPoller() if hasattr(select, "epoll") else PortablePoller()


class SocketSelector(Generic[Owner]):
    """Calls `on_event(owner, events)` when an owner's socket is ready (`READ`, `WRITE`).

    An owner that was unregistered hears nothing more, even if it was ready already. An `on_event` that
    raises keeps no other owner waiting. It is called again for as long as the socket is ready, so it
    should unregister an owner that it cannot serve.
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
        # By descriptor, which is a small number: a dictionary costs each owner ten times as much.
        self._owners: list[Owner | None] = []
        self._count = 0
        self._is_closed = False  # the descriptor's number may be another's then
        self._ready: deque[tuple[int, Owner, int]] = deque()
        self._faults = Faults(logger, "a turn of the selector failed")
        loop.add_reader(self._fd, self._work_off)

    def __len__(self) -> int:
        return self._count

    def register(self, owned: socket.socket, owner: Owner, events: int = READ) -> None:
        """Watch a socket for its owner."""
        fd = owned.fileno()
        self._poller.register(fd, events)
        if fd >= len(self._owners):
            self._owners += [None] * (fd + 1 - len(self._owners))
        self._owners[fd] = owner
        self._count += 1

    def modify(self, owned: socket.socket, events: int) -> None:
        """Watch a socket for something else."""
        self._poller.modify(owned.fileno(), events)

    def unregister(self, owned: socket.socket) -> None:
        """Stop watching a socket; call it before the socket is closed."""
        fd = owned.fileno()
        self._poller.unregister(fd)
        self._owners[fd] = None
        self._count -= 1

    def owners(self) -> list[Owner]:
        """Return the owners of all sockets that are watched."""
        return [owner for owner in self._owners if owner is not None]

    def close(self) -> None:
        """Let go of the loop. The sockets stay open, and nobody hears any more. A second call does nothing."""
        if self._is_closed:
            return
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
            # A descriptor's number is used anew: only the same owner is the same socket.
            if owners[fd] is owner:
                with self._faults:
                    self._on_event(owner, events)
            if time.monotonic() > deadline:
                break  # level-triggered: the loop calls again
        self._faults.report()
