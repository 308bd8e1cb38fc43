"""What listeners of one kind share: a byte sequence, and where to enter it. No I/O."""

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from itertools import accumulate
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
    """A byte sequence that many listeners receive alike, at positions that never repeat."""

    @property
    def capacity(self) -> int:
        """How many bytes behind the newest a listener may be before it loses some."""

    @property
    def start(self) -> int:
        """The oldest position that can still be read."""

    @property
    def end(self) -> int:
        """The position behind the newest byte."""

    def read(self, start: int, end: int) -> memoryview:
        """Return the bytes of `start <= position < end`; valid until the feed grows."""

    def join(self) -> Entry:
        """Return where a new listener enters: the burst, from a frame's first byte."""

    def rejoin(self, position: int) -> Entry:
        """Return where a listener goes on that would otherwise fall off the end at `position`.

        It enters at the live edge, at a frame's first byte.
        """


class PlainFeed:
    """The frames themselves, one behind the other.

    `burst_bytes` is how far back from the newest byte a joiner may begin.
    """

    def __init__(self, queue_bytes: int = QUEUE_BYTES, burst_bytes: int = BURST_BYTES) -> None:
        if not 0 <= burst_bytes < queue_bytes:
            raise ValueError(f"got a burst of {burst_bytes} bytes in a queue of {queue_bytes}")
        self._ring = Ring(queue_bytes)
        self._burst_bytes = burst_bytes
        self._frame_starts: deque[int] = deque()  # of those in the burst; always the newest

    @property
    def capacity(self) -> int:
        """See `Feed`."""
        return self._ring.capacity

    @property
    def start(self) -> int:
        """See `Feed`."""
        return self._ring.start

    @property
    def end(self) -> int:
        """See `Feed`."""
        return self._ring.end

    def read(self, start: int, end: int) -> memoryview:
        """See `Feed`; the ring's own memory, unless the range crosses its end."""
        return self._ring.read(start, end)

    def append(self, frames: Sequence[Frame]) -> None:
        """Add the newest frames, at least one."""
        pieces = [frame.data for frame in frames]
        starts = self._frame_starts
        # All at once: by one and one it is a third of what a frame costs (200 mounts in the bench).
        starts.extend(accumulate(map(len, pieces[:-1]), initial=self._ring.end))
        self._ring.append(b"".join(pieces))
        oldest = self._ring.end - self._burst_bytes
        while len(starts) > 1 and starts[0] < oldest:
            starts.popleft()

    def oldest_frame(self) -> int:
        """Return where the oldest frame of the burst begins."""
        return self._frame_starts[0] if self._frame_starts else self.end

    def newest_frame(self) -> int:
        """Return where the newest frame begins."""
        return self._frame_starts[-1] if self._frame_starts else self.end

    def frame_from(self, position: int) -> int:
        """Return where the first frame of the burst begins that does so at `position` or later.

        There must be one: `newest_frame` is the last that can be asked for.
        """
        if not self._frame_starts:
            return self.end
        return self._frame_starts[bisect_left(self._frame_starts, position)]

    def join(self) -> Entry:
        """Return the oldest frame of the burst."""
        return Entry(b"", self.oldest_frame())

    def rejoin(self, position: int) -> Entry:  # noqa: ARG002  # every place is left alike
        """Return the newest frame."""
        return Entry(b"", self.newest_frame())
