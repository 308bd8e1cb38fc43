"""Which channels are on air. No I/O.

One broadcast per channel: whoever opens another one closes the present one first.
"""

from collections.abc import Iterator

from awazpulse.errors import MisuseError

from .broadcast import Broadcast


class Registry:
    """The open broadcasts by channel id."""

    def __init__(self) -> None:
        self._broadcasts: dict[str, Broadcast] = {}

    def __len__(self) -> int:
        return len(self._broadcasts)

    def __iter__(self) -> Iterator[Broadcast]:
        return iter(tuple(self._broadcasts.values()))

    def get(self, channel_id: str) -> Broadcast | None:
        """Return the channel's broadcast, None when it is off air."""
        return self._broadcasts.get(channel_id)

    def add(self, broadcast: Broadcast) -> None:
        """Enter an open broadcast. Raises `MisuseError` if its channel has one already."""
        if broadcast.is_closed or broadcast.channel_id in self._broadcasts:
            raise MisuseError(f"channel {broadcast.channel_id}: closed, or already on air")
        self._broadcasts[broadcast.channel_id] = broadcast

    def remove(self, broadcast: Broadcast) -> None:
        """Take out this broadcast; another one of the same channel stays."""
        if self._broadcasts.get(broadcast.channel_id) is broadcast:
            del self._broadcasts[broadcast.channel_id]
