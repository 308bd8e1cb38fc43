"""What the tests of the fan-out share: a feed with its audience, and players at the far end of real sockets."""

import asyncio
import socket
from collections.abc import Callable

from awazpulse.audio import Frame
from awazpulse.relay.fanout import Audience, FanOut
from awazpulse.relay.feed import PlainFeed
from awazpulse.relay.listener import Listener
from awazpulse.relay.pacing import Pacing

HEAD = b"HTTP/1.0 200 OK\r\n\r\n"
FAST = Pacing(min_interval_s=0.01, max_interval_s=0.02, stall_timeout_s=0.5, cohort_size=10)


class Player:
    """The far end of a listener's socket."""

    def __init__(self, receive_buffer: int = 0) -> None:
        self.ours, self.socket = socket.socketpair()
        self.ours.setblocking(False)
        self.socket.setblocking(False)
        if receive_buffer:
            self.ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, receive_buffer)

    def read(self) -> bytes:
        """Return what has come, without waiting."""
        data = b""
        try:
            while piece := self.socket.recv(65_536):
                data += piece
        except BlockingIOError:
            pass
        return data

    def has_ended(self) -> bool:
        self.read()
        try:
            return self.socket.recv(1) == b""
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    def close(self) -> None:
        self.socket.close()


class Mistake(RuntimeError):
    """Whatever our own mistake might be."""


class BrokenSocket:
    """A listener's socket, one of whose methods fails as none of a socket's does."""

    def __init__(self, listener: Listener, method: str) -> None:
        self._socket = listener.socket
        self._method = method
        listener.socket = self  # type: ignore[assignment]

    def __getattr__(self, name: str) -> object:
        if name == self._method:
            raise Mistake(name)
        return getattr(self._socket, name)


def number(n: int, size: int = 400) -> bytes:
    """A frame that says which one it is."""
    return f"<{n:06d}>".encode().ljust(size, b".")


def numbers(data: bytes) -> list[int]:
    """The whole frames in what a player got, by their numbers."""
    return [int(part[:6]) for part in data.split(b"<")[1:] if len(part) >= 399]


class Station:
    """A feed with its audience, and players who are closed at the end of a test."""

    def __init__(
        self,
        fanout: FanOut,
        feed: PlainFeed,
        pull: Callable[[], None] = lambda: None,
        on_left: Callable[[Listener], None] | None = None,
    ) -> None:
        self.fanout = fanout
        self.feed = feed
        self.left: list[Listener] = []
        self.audience = Audience(fanout, feed, on_left or self.left.append, pull)
        self.players: list[Player] = []
        self.published = 0

    def join(self, receive_buffer: int = 0) -> Player:
        player = Player(receive_buffer)
        self.players.append(player)
        self.audience.join(player.ours, HEAD, "info")
        return player

    def publish(self, count: int = 1) -> None:
        for _ in range(count):
            self.feed.append([Frame(0, 1152, number(self.published))])
            self.published += 1


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # what is waited for is at the far end of a socket
            await asyncio.sleep(0.005)
