"""What a socket tells of its other end while nothing is read from it."""

import fcntl
import select
import socket
import sys
import termios
from enum import Enum, auto

# Linux tells of the other side's end even while data lies unread before it.
_POLLRDHUP: int = getattr(select, "POLLRDHUP", 0)


class FarEnd(Enum):
    """What is known of the other side."""

    OPEN = auto()
    ENDED = auto()  # it has closed its side: it sends nothing more, but it may still read
    BROKEN = auto()  # the connection was reset, or our own socket is closed


def look_at_far_end(client: socket.socket) -> FarEnd:
    """Return what is known of the other side of a non-blocking socket; nothing is read away.

    Without Linux's POLLRDHUP (macOS) an end is seen only when nothing lies unread before it.
    """
    if client.fileno() < 0:
        return FarEnd.BROKEN
    return _poll(client) if _POLLRDHUP else _peek(client)


def _poll(client: socket.socket) -> FarEnd:
    poll = select.poll()
    poll.register(client, _POLLRDHUP)  # errors and hang-ups are told of in any case
    events = sum(events for _, events in poll.poll(0))
    if events & ~_POLLRDHUP:
        return FarEnd.BROKEN
    return FarEnd.ENDED if events else FarEnd.OPEN


def _peek(client: socket.socket) -> FarEnd:
    try:
        data = client.recv(1, socket.MSG_PEEK)
    except (BlockingIOError, InterruptedError):
        return FarEnd.OPEN
    except OSError:
        return FarEnd.BROKEN
    return FarEnd.OPEN if data else FarEnd.ENDED


def count_unread(client: socket.socket) -> int:
    """Return how many bytes the kernel holds that were not read yet. Raises OSError."""
    return int.from_bytes(fcntl.ioctl(client, termios.FIONREAD, bytes(4)), sys.byteorder)
