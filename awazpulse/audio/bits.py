"""Reads values bit by bit, the most significant first. No I/O."""

from .errors import MalformedAudio


class BitReader:
    """Reads `data`; a read past its end is the peer's fault. `name` says what it is, for the error."""

    def __init__(self, data: bytes, name: str) -> None:
        self._value = int.from_bytes(data, "big")
        self._name = name
        self._left = self._size = 8 * len(data)

    @property
    def position(self) -> int:
        """How many bits have been read."""
        return self._size - self._left

    def read(self, count: int) -> int:
        """Return the next `count` bits as a number."""
        if count > self._left:
            raise MalformedAudio(
                f"{self._name} is too short: got {self._left} bits more, expected {count}"
            )
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def reread(self, since: int) -> int:
        """Return all bits from position `since` to the present one as a number."""
        return (self._value >> self._left) & ((1 << (self.position - since)) - 1)

    def align(self) -> None:
        """Go on to the next whole byte of the data."""
        self.read(-self.position % 8)
