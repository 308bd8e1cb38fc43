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

    `on_left(listener)` is called once for each listener, when it is gone. It is not called for those
    whom the audience's own close disconnects; `on_gone(listener)` is called for them too. By then the
    listener's `position` is the end of what it was sent. `pull()` is called before listeners are sent what is new.
    It appends to the feed what the source has sent up to now, and must not block.
    """

    def __init__(
        self,
        fanout: FanOutLike,
        feed: Feed,
        on_left: Callable[[Listener], None] | None = None,
        pull: Callable[[], None] = lambda: None,
        on_gone: Callable[[Listener], None] | None = None,
    ) -> None:
        self.feed = feed
        self.pull = pull
        self.is_closed = False
        self._fanout = fanout
        self._on_left = on_left
        self._on_gone = on_gone

    @property
    def listeners(self) -> list[Listener]:
        """All of them, in no order. Collected at each call: to keep them in a set would cost 70 bytes each."""
        return self._fanout.listeners_of(self)

    def join(self, listener_socket: socket.socket, head: bytes, info: object = None) -> Listener:
        """Add a listener. It gets `head`, then its burst, then all new audio.

        The socket must be connected and non-blocking. It belongs to the fan-out from this call on. `info`
        is kept with the listener for the caller. Raises `MisuseError` after a close; the socket is then
        still the caller's.
        """
        return self._fanout.join(self, listener_socket, head, info)

    def close(self) -> None:
        """Send everyone the rest of the audio and disconnect them, over several turns of the loop.

        A second call does nothing.
        """
        self._fanout.close_audience(self)

    def left(self, listener: Listener) -> None:
        """Tell that a listener is gone. For the fan-out."""
        try:
            if self._on_left is not None and not self.is_closed:
                self._on_left(listener)
        finally:
            if self._on_gone is not None:
                self._on_gone(listener)
