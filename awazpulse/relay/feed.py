"""The byte sequence that many listeners share, and the places where they enter it. No I/O."""

from collections import deque
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple, Protocol

from awazpulse.audio import Frame, join_frames

from .ring import Ring

QUEUE_BYTES = 524_288  # Icecast's queue-size: 32 s at 128 kbit/s before a listener has lost audio
# Icecast's burst-size: 4 s at 128 kbit/s, what players buffer before they play.
BURST_BYTES = 65_535


class Entry(NamedTuple):
    """Where a listener enters a feed: it gets `prefix` first, and then the feed from `position` on."""

    prefix: bytes
    position: int


class Feed(Protocol):
    """A byte sequence that is the same for many listeners. Its positions never repeat."""

    @property
    def capacity(self) -> int:
        """How many bytes a listener may be behind the newest one before it loses audio."""

    @property
    def start(self) -> int:
        """The oldest position that can still be read."""

    @property
    def end(self) -> int:
        """The position after the newest byte."""

    def read(self, start: int, end: int) -> memoryview:
        """Return the bytes of `start <= position < end`. They are valid until the feed grows."""

    def join(self) -> Entry:
        """Return where a new listener enters: at the first byte of the oldest frame of the burst."""

    def rejoin(self, position: int) -> Entry | None:
        """Return where a listener at `position`, which is too far behind, goes on.

        That is at the live edge, at the first byte of a frame. None if it cannot be moved there.
        """


class PlainFeed:
    """The frames one after the other, with nothing between them.

    `burst_bytes` is how far before the newest byte a new listener may begin.
    """

    def __init__(self, queue_bytes: int = QUEUE_BYTES, burst_bytes: int = BURST_BYTES) -> None:
        if not 0 <= burst_bytes < queue_bytes:
            raise ValueError(f"got a burst of {burst_bytes} bytes in a queue of {queue_bytes}")
        self._ring = Ring(queue_bytes)
        self._burst_bytes = burst_bytes
        # One item for each call of `append`: where its bytes begin and end, and the size of each frame.
        # Kept as long as a part of it is within the burst. The newest is always kept.
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
        """See `Feed`. The memory of the ring itself, or a copy where the range crosses the ring's end."""
        return self._ring.read(start, end)

    def append(self, frames: Sequence[Frame]) -> None:
        """Add the newest frames. There must be at least one."""
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
        """Return where the first frame begins that is in the burst and not before `position`.

        If there is no such frame, return where the newest frame begins.
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

    def rejoin(self, position: int) -> Entry:  # noqa: ARG002  # the newest frame, from everywhere
        """Return the newest frame."""
        return Entry(b"", self.newest_frame())
