"""What listeners of one kind share: a byte sequence, and where to enter it. No I/O."""

from typing import NamedTuple, Protocol

from awazpulse.audio import Frame

from .ring import Ring

QUEUE_BYTES = 524_288  # Icecast's queue-size: 32 s at 128 kbit/s before a listener has lost audio
BURST_BYTES = (
    65_535  # Icecast's burst-size: 4 s at 128 kbit/s, what players buffer before they play
)


class Entry(NamedTuple):
    """Where to enter a feed: bytes of the listener's own first, then on from a position."""

    prefix: bytes
    position: int


class Feed(Protocol):
    """A byte sequence that many listeners receive alike."""

    @property
    def ring(self) -> Ring:
        """The bytes."""

    def join(self) -> Entry:
        """Return where a new listener enters: the burst, from a frame's first byte."""

    def rejoin(self, position: int) -> Entry:
        """Return where a listener goes on that would otherwise fall off the ring at `position`.

        It enters at the live edge, at a frame's first byte.
        """


class PlainFeed:
    """The frames themselves, one behind the other."""

    def __init__(self, queue_bytes: int = QUEUE_BYTES, burst_bytes: int = BURST_BYTES) -> None:
        self.ring = Ring(queue_bytes, burst_bytes)

    def append(self, frame: Frame) -> None:
        """Add the newest frame."""
        self.ring.mark_join_point()
        self.ring.append(frame.data)

    def join(self) -> Entry:
        """Return the oldest frame of the burst."""
        return Entry(b"", self.ring.oldest_join_point[0])

    def rejoin(self, position: int) -> Entry:  # noqa: ARG002  # every place is left alike
        """Return the newest frame."""
        return Entry(b"", self.ring.newest_join_point[0])
