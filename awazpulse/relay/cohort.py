"""Listeners in step: they share a cursor, and are sent the same slice of memory. Only for the fan-out."""

import logging
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol

from .departures import Departure
from .listener import AudienceLike, Listener

logger = logging.getLogger(__name__)

P = ParamSpec("P")


class FanOutLike(Protocol):
    """What a cohort needs of the `FanOut`."""

    sent_bytes: int

    def drop(self, listener: Listener, reason: Departure) -> None:
        """Disconnect a listener at once."""

    def catch_up(self, listener: Listener, now: float) -> bool:
        """Send a listener what it lacks. Return whether it is at the live edge now."""

    def wait_for_room(self, listener: Listener) -> None:
        """Put a listener out of step: it is served when its socket takes more."""

    def guard(
        self,
        listener: Listener,
        step: Callable[Concatenate[Listener, P], object],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Call `step(listener, ...)`. If it raises, drop this listener and go on."""

    def note(self, error: Exception) -> None:
        """Have the current turn report an error at its end."""


class Cohort:
    """Listeners of one audience that share a cursor."""

    __slots__ = ("_fanout", "audience", "entering", "in_step", "position")

    def __init__(self, fanout: FanOutLike, audience: AudienceLike) -> None:
        self._fanout = fanout
        self.audience = audience
        self.position = audience.feed.end
        self.in_step: list[Listener] = []
        self.entering: list[Listener] = []

    def __len__(self) -> int:
        return len(self.in_step) + len(self.entering)

    def tick(self, now: float) -> None:
        """Send everyone what has come since the last tick."""
        feed = self.audience.feed
        start, end = self.position, feed.end
        if self.in_step and start != end:
            data = self._take_slice()
            # Set before the sends, so a tick that fails half-way sends nothing twice.
            self.position = end
            if data is None:
                self._drop_all(end - start)
                return  # the next tick lets in those who are entering
            size = len(data)
            failed: list[tuple[Listener, int]] = []
            for listener in self.in_step:
                try:
                    sent = listener.socket.send(data)
                except BlockingIOError:
                    sent = 0
                except OSError:
                    sent = -1
                except Exception as error:  # noqa: BLE001  # the turn reports it
                    self._fanout.note(error)
                    sent = -1
                if sent != size:
                    failed.append((listener, sent))
            # Counted once for all: an addition for each send would be felt.
            missing = sum(size - max(0, sent) for _, sent in failed)
            self._fanout.sent_bytes += size * len(self.in_step) - missing
            for listener, sent in failed:
                self._fanout.guard(listener, self._fall_out, data, sent, start, now)
        self.position = end
        # Taken out one by one: a step may close the audience, which must find the others in the list.
        while self.entering:
            self._fanout.guard(self.entering.pop(0), self._enter, now)

    def _drop_all(self, missed_bytes: int) -> None:
        logger.warning(
            "%d listeners dropped: their source sent %d bytes within one interval",
            len(self.in_step),
            missed_bytes,
        )
        for listener in tuple(self.in_step):
            self._fanout.guard(listener, self._fanout.drop, Departure.LOST_TOO_MUCH)

    def _take_slice(self) -> memoryview | None:
        """Return what the cohort lacks, up to the feed's end. None if it cannot be moved there."""
        feed = self.audience.feed
        if self.position >= feed.start:
            return feed.read(self.position, feed.end)
        # The source has sent more than the whole ring within one interval.
        entry = feed.rejoin(self.position)
        if entry is None:
            return None
        return memoryview(entry.prefix + feed.read(entry.position, feed.end))

    def _enter(self, listener: Listener, now: float) -> None:
        """Send a listener what it lacks, and add it to those in step if it takes all of it."""
        listener.cohort = None
        if self._fanout.catch_up(listener, now):
            self.add(listener)

    def add(self, listener: Listener) -> None:
        """Add a listener whose position is the cursor to those in step."""
        listener.cohort = self
        listener.index = len(self.in_step)
        # Not used in step. Large numbers would be objects that cost memory; these are shared by all.
        listener.position = 0
        listener.last_progress = 0.0
        self.in_step.append(listener)

    def remove(self, listener: Listener) -> None:
        """Remove a listener from the list that it is in."""
        if listener.index >= 0:
            last = self.in_step.pop()
            if last is not listener:
                self.in_step[listener.index] = last
                last.index = listener.index
        else:
            self.entering.remove(listener)
        listener.cohort = None
        listener.index = -1

    def _fall_out(
        self, listener: Listener, data: memoryview, sent: int, start: int, now: float
    ) -> None:
        """Put a listener out of step whose socket took only `sent` bytes of the slice.

        `start` is the position of the cohort before the slice. A negative `sent` means a lost connection.
        """
        if sent < 0:
            self._fanout.drop(listener, Departure.CONNECTION_LOST)
            return
        self.remove(listener)
        feed = self.audience.feed
        if start >= feed.start:
            listener.position = start + sent
        else:  # the slice moved the cohort to the live edge, and is not a plain piece of the feed
            listener.pending = bytes(data[sent:])
            listener.position = feed.end
        listener.last_progress = now  # it was in step until this tick
        self._fanout.wait_for_room(listener)
