"""One listener's socket and its place in the audio. Only for the fan-out."""

import socket
from collections.abc import Callable
from typing import Protocol

from .feed import Feed


class AudienceLike(Protocol):
    """What a listener, its cohort and the fan-out need of an `Audience`."""

    feed: Feed
    pull: Callable[[], None]
    is_closed: bool

    def left(self, listener: "Listener") -> None:
        """Tell that a listener is gone."""


class CohortLike(Protocol):
    """What the fan-out needs of the `Cohort` that a listener is in."""

    position: int

    def remove(self, listener: "Listener") -> None:
        """Take a listener out."""


class Listener:
    """A client that receives a feed over a raw non-blocking socket.

    It has no transport, task, queue or buffer of its own. As long as it is in step, its position is
    that of its cohort. When it is out of step, it must get the bytes in `pending` first (the rest of its
    response head and of its entry), and then the feed from `position` on.
    """

    # A listener costs about 450 bytes, with its socket and `info` (`tests/.../test_memory.py`).
    __slots__ = (
        "audience",
        "cohort",
        "index",
        "info",
        "is_gone",
        "last_progress",
        "noise_bytes",
        "pending",
        "position",
        "socket",
    )

    def __init__(
        self, listener_socket: socket.socket, audience: AudienceLike, info: object, now: float
    ) -> None:
        self.socket = listener_socket
        self.audience = audience
        self.info = info
        self.last_progress = now
        self.noise_bytes = 0
        self.pending = b""
        self.position = 0
        self.cohort: CohortLike | None = None  # None if out of step or gone
        self.index = -1  # of the place in cohort.in_step, -1 if it has none there
        self.is_gone = False
