"""One listener's socket and its place in the audio. For the fan-out alone."""

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

    It has no transport, task, queue or buffer of its own. In step with its cohort it has no position of
    its own either. Out of step, `position` is the position in the feed that it needs next. `pending` is
    what it must get before that: the rest of its response head and of its entry.
    """

    # About 450 bytes in all, with its socket and what is known of the client (`tests/.../test_memory.py`).
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
        self.cohort: CohortLike | None = None  # None: out of step, or gone
        self.index = -1  # in cohort.in_step; a small number, so it costs no memory
        self.is_gone = False
