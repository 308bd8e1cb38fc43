"""One listener's socket and its place in the audio. Used by the fan-out alone."""

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .fanout import Audience, Cohort


class Listener:
    """A client that receives a feed over a raw non-blocking socket.

    There is no transport, task, queue or buffer for it: in step with its cohort it has no position of
    its own. Out of step, `position` says what it needs next, and `pending` what precedes that (the
    rest of its response head and of its entry).
    """

    __slots__ = (
        "audience",
        "cohort",
        "index",
        "info",
        "last_progress",
        "noise_bytes",
        "pending",
        "position",
        "send",
        "socket",
    )

    def __init__(
        self, listener_socket: socket.socket, audience: "Audience", info: object, now: float
    ) -> None:
        self.socket = listener_socket
        # Bound once: the attribute look-up is what Python adds to a send in a tick's loop.
        self.send: Callable[[memoryview], int] = listener_socket.send
        self.audience = audience
        self.info = info
        self.last_progress = now
        self.noise_bytes = 0
        self.pending = b""
        self.position = 0
        self.cohort: Cohort | None = None  # None: out of step, or gone
        self.index = -1  # in cohort.in_step
