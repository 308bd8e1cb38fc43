"""The recent bytes of one broadcast, at positions that never repeat. No I/O.

A position counts bytes since the broadcast began. The ring holds the newest `capacity` of them
in one piece of memory, which every send shares: `read` copies only where a range crosses the
memory's end. Memory is handed to the kernel within the same call of the loop, so a later append
never changes bytes on their way.
"""

from collections import deque


class Ring:
    """A byte sequence that only grows at one end and forgets at the other.

    `join_window` is how far back from the newest byte a joiner may begin, in bytes (Icecast's
    burst-size).
    """

    def __init__(self, capacity: int, join_window: int) -> None:
        if not 0 <= join_window < capacity:
            raise ValueError(f"got a join window of {join_window} bytes in a ring of {capacity}")
        self.capacity = capacity
        self.end = 0
        self._join_window = join_window
        self._memory = bytearray(capacity)
        self._view = memoryview(self._memory)
        self._join_points: deque[tuple[int, int]] = deque()

    @property
    def start(self) -> int:
        """The oldest position that can still be read."""
        return max(0, self.end - self.capacity)

    def append(self, data: bytes | memoryview) -> None:
        """Add the newest bytes; the oldest make room. More than the capacity at once is misuse."""
        size = len(data)
        at = self.end % self.capacity
        first = self.capacity - at
        if size <= first:
            self._view[at : at + size] = data
        else:
            # A frame is a few hundred bytes; crossing the end is one append in a thousand.
            self._view[at:] = data[:first]
            self._view[: size - first] = data[first:]
        self.end += size

    def mark_join_point(self, padding: int = 0) -> None:
        """Let joiners begin at the next byte, after `padding` blank bytes of their own."""
        self._join_points.append((self.end, padding))
        self._forget_old_join_points()

    def _forget_old_join_points(self) -> None:
        points = self._join_points
        oldest = self.end - self._join_window
        while len(points) > 1 and points[0][0] < oldest:
            points.popleft()

    @property
    def oldest_join_point(self) -> tuple[int, int]:
        """Position and padding of the join point that gives the longest burst in the window."""
        self._forget_old_join_points()
        return self._join_points[0] if self._join_points else (self.end, 0)

    @property
    def newest_join_point(self) -> tuple[int, int]:
        """Position and padding of the join point next to the live edge."""
        return self._join_points[-1] if self._join_points else (self.end, 0)

    def read(self, start: int, end: int) -> memoryview:
        """Return the bytes of `start <= position < end`, which the ring must still hold.

        Valid until the next append.
        """
        assert self.start <= start <= end <= self.end, (self.start, start, end, self.end)
        at = start % self.capacity
        size = end - start
        if at + size <= self.capacity:
            return self._view[at : at + size]
        first = self.capacity - at
        return memoryview(bytes(self._view[at:]) + bytes(self._view[: size - first]))
