"""What requests need to know of a mount. No I/O."""

from typing import Protocol

from awazpulse.relay import Broadcast
from awazpulse.relay.listener_count import ListenerCount


class MountView(Protocol):
    """A mount, as far as answers tell of it."""

    @property
    def broadcast(self) -> Broadcast:
        """What is on air."""

    @property
    def count(self) -> ListenerCount:
        """Its listeners."""

    @property
    def started(self) -> float:
        """When it went on air, in seconds since 1970."""

    @property
    def path(self) -> str:
        """Its name."""

    @property
    def content_type(self) -> str:
        """The type of its audio."""

    @property
    def has_room(self) -> bool:
        """Whether one more listener may join."""

    def listener_head(self, *, icy: bool) -> bytes:
        """Return the head of a listener's response, but for its Date."""

    def first_bytes(self, count: int) -> bytes:
        """Fetch what has come; return what a listener would get first, filled up with zeros."""
