"""What listeners of one kind share: a byte sequence, and where to enter it. No I/O."""

from collections import deque
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple, Protocol

from awazpulse.audio import Frame, join_frames

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

    def rejoin(self, position: int) -> Entry | None:
        """Return where a listener goes on that would otherwise fall off the end at `position`.

        It enters at the live edge, at a frame's first byte. None if it is too far behind to be led on.
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
        # What was appended at once: where it begins and ends, and the bytes of each frame. All that the
        # burst has a part of, and always the newest.
        self._runs: deque[tuple[int, int, Sequence[int]]] = deque()

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
        data, sizes = join_frames(frames)
        ring, runs = self._ring, self._runs
        begin = ring.end
        ring.append(data)
        runs.append((begin, ring.end, sizes))
        oldest = ring.end - self._burst_bytes
        while len(runs) > 1 and runs[0][1] <= oldest:
            runs.popleft()

    def oldest_frame(self) -> int:
        """Return where the oldest frame of the burst begins."""
        return self.frame_from(0)

    def newest_frame(self) -> int:
        """Return where the newest frame begins."""
        return self.end - self._runs[-1][2][-1] if self._runs else self.end

    def frame_from(self, position: int) -> int:
        """Return where the first frame of the burst begins that does so at `position` or later.

        The newest one if there is no such frame.
        """
        position = max(position, self.end - self._burst_bytes)
        for begin, end, sizes in self._runs:
            if position < end:
                for start in accumulate(sizes[:-1], initial=begin):
                    if start >= position:
                        return start
        return self.newest_frame()

    def join(self) -> Entry:
        """Return the oldest frame of the burst."""
        return Entry(b"", self.oldest_frame())

    def rejoin(self, position: int) -> Entry:  # noqa: ARG002  # every place is left alike
        """Return the newest frame."""
        return Entry(b"", self.newest_frame())
