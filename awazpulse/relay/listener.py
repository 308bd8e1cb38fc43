"""One listener's socket and its place in the audio. Used by the fan-out alone."""

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .cohort import Cohort
    from .fanout import Audience


class Listener:
    """A client that receives a feed over a raw non-blocking socket.

    There is no transport, task, queue or buffer for it: in step with its cohort it has no position of
    its own. Out of step, `position` says what it needs next, and `pending` what precedes that (the
    rest of its response head and of its entry).
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
        self, listener_socket: socket.socket, audience: "Audience", info: object, now: float
    ) -> None:
        self.socket = listener_socket
        self.audience = audience
        self.info = info
        self.last_progress = now
        self.noise_bytes = 0
        self.pending = b""
        self.position = 0
        self.cohort: Cohort | None = None  # None: out of step, or gone
        self.index = -1  # in cohort.in_step; small, so it costs no memory
        self.is_gone = False
