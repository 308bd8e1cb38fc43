"""The recent bytes of one broadcast, at positions that never repeat. No I/O.

A position counts bytes since the broadcast began. The ring holds the newest `capacity` of them
in one piece of memory, which every send shares: `read` copies only where a range crosses the
memory's end. Memory is handed to the kernel within the same call of the loop, so a later append
never changes bytes on their way.
"""


class Ring:
    """A byte sequence that only grows at one end and forgets at the other."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.end = 0
        self._memory = bytearray(capacity)
        self._view = memoryview(self._memory)

    @property
    def start(self) -> int:
        """The oldest position that can still be read."""
        return max(0, self.end - self.capacity)

    def append(self, data: bytes | memoryview) -> None:
        """Add the newest bytes; the oldest make room. Of more than the capacity the newest stay."""
        size = len(data)
        if size > self.capacity:
            self.end += size - self.capacity
            data = data[size - self.capacity :]
            size = self.capacity
        at = self.end % self.capacity
        first = self.capacity - at
        if size <= first:
            self._view[at : at + size] = data
        else:
            # What is added is a few kilobytes; crossing the end is one append in a hundred.
            self._view[at:] = data[:first]
            self._view[: size - first] = data[first:]
        self.end += size

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
