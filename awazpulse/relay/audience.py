"""The listeners of one feed, as the feed's owner sees them."""

import socket
from collections.abc import Callable
from typing import Protocol

from .feed import Feed
from .listener import AudienceLike, Listener


class FanOutLike(Protocol):
    """What an audience needs of the `FanOut`."""

    def join(
        self, audience: AudienceLike, listener_socket: socket.socket, head: bytes, info: object
    ) -> Listener:
        """Add a listener."""

    def listeners_of(self, audience: AudienceLike) -> list[Listener]:
        """Return the listeners of an audience."""

    def close_audience(self, audience: AudienceLike) -> None:
        """Disconnect the listeners of an audience."""


class Audience:
    """The listeners of one feed.

    `on_left(listener)` is called once for each listener that joined, when it is gone for any reason
    except the audience's own close. `pull()` is called before listeners are sent what is new: it makes
    the feed grow by what the source has sent by now, and must not block.
    """

    def __init__(
        self,
        fanout: FanOutLike,
        feed: Feed,
        on_left: Callable[[Listener], None] | None = None,
        pull: Callable[[], None] = lambda: None,
    ) -> None:
        self.feed = feed
        self.pull = pull
        self.is_closed = False
        self._fanout = fanout
        self._on_left = on_left

    @property
    def listeners(self) -> list[Listener]:
        """All of them, in no order. They are collected at each call: a set would cost 70 bytes for each."""
        return self._fanout.listeners_of(self)

    def join(self, listener_socket: socket.socket, head: bytes, info: object = None) -> Listener:
        """Add a listener: it gets `head`, its burst, then what comes.

        The socket must be connected and non-blocking, and belongs to the fan-out from here on. `info` is
        the caller's own, kept with the listener.
        """
        return self._fanout.join(self, listener_socket, head, info)

    def close(self) -> None:
        """Send everyone the last of the audio and disconnect them, within some turns of the loop.

        A second call does nothing.
        """
        self._fanout.close_audience(self)

    def left(self, listener: Listener) -> None:
        """Tell that a listener is gone. For the fan-out."""
        if self._on_left is not None and not self.is_closed:
            self._on_left(listener)
