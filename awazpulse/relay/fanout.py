"""Sends feeds to thousands of raw sockets from one event loop.

Theory of operation:

1. The listeners of a feed are its `Audience`. They are divided into cohorts. The listeners of a cohort
   share one cursor into the feed. When the cohort is due, each of them is sent the same slice of
   memory with a non-blocking `socket.send`.
2. All cohorts of the process are in one `Rotation`, at phases that are spread over the interval. So no
   single turn of the loop sends for long.
3. The audio of a source is fetched (`pull`) just before the turn of its cohorts, because nobody needs
   it earlier.
4. A listener whose socket takes less than the slice is out of step. It has a position of its own, and
   is served when the selector reports that its socket takes more.
5. A listener out of step that has caught up with the live edge enters a cohort again. The cohort's
   next tick sends it what it lacks, and from then on it shares the cursor. A new listener enters in the
   same way after its burst.
6. A listener that is about to fall behind the oldest byte of the feed is moved to the live edge. A
   listener that takes nothing for `stall_timeout_s` is dropped.
7. All listener sockets are in one selector, which the event loop watches as a single descriptor. It
   reports disconnects, and which of the listeners out of step can be sent more.
8. Many listeners may leave at the same time. Each turn of the loop works on them for `turn_s` at most.
9. An error of ours in the work for one listener drops that listener, and no other (`guard`).
"""

import asyncio
import contextlib
import logging
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec

from awazpulse.errors import MisuseError

from .audience import Audience
from .cohort import Cohort
from .departures import Departure
from .faults import Faults
from .listener import AudienceLike, Listener
from .pacing import AUDIENCE_SENDS, Pacing, Phases
from .rotation import Rotation
from .selector import READ, WRITE, SocketSelector

__all__ = ["MAX_CATCH_UP_BYTES", "MAX_PENDING_BYTES", "Audience", "FanOut"]

logger = logging.getLogger(__name__)

P = ParamSpec("P")

_SWEEP_INTERVAL_S = 1.0
_TIMER_S = 0.002  # the loop's timers count in milliseconds, and may run this much too early
MAX_CATCH_UP_BYTES = 262_144  # the most that one send gives to a listener out of step
MAX_PENDING_BYTES = 65_536  # the most of heads and entries that may wait for one listener's socket
_RECEIVE_BYTES = 4096
_EARLY = 1 / 8  # of the interval: small cohorts that are due within it are served in the same turn


class FanOut:
    """All listeners of a process. Have one for each event loop, and `close` it before the loop ends."""

    def __init__(self, loop: asyncio.AbstractEventLoop, pacing: Pacing | None = None) -> None:
        self.pacing = pacing or Pacing()
        self.listeners = 0
        self.requeued = 0
        self.joins = 0
        self.sent_bytes = 0  # heads included
        self.departures: dict[str, int] = dict.fromkeys(Departure, 0)
        self._cohorts: dict[AudienceLike, list[Cohort]] = {}  # only audiences that have cohorts
        self._is_closed = False
        self._loop = loop
        self._selector = SocketSelector[Listener](loop, self._on_event, self.pacing.turn_s)
        self._phases = Phases()
        self._rotation = Rotation[Cohort](self.interval_s)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0
        self._out_of_step: set[Listener] = set()
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._leaving: deque[Listener] = deque()
        self._leaving_handle: asyncio.Handle | None = None
        self._faults = Faults(logger, "a turn of the fan-out failed")

    @property
    def interval_s(self) -> float:
        """The seconds between two sends to one listener, at the present number of listeners."""
        return self.pacing.interval_s(self.listeners, len(self._cohorts))

    # -- joining and leaving

    def join(
        self, audience: AudienceLike, listener_socket: socket.socket, head: bytes, info: object
    ) -> Listener:
        """See `Audience.join`."""
        if audience.is_closed or self._is_closed:
            what = "an audience" if audience.is_closed else "a fan-out"
            raise MisuseError(f"a listener for {what} that was closed")
        now = time.monotonic()
        listener = Listener(listener_socket, audience, info, now)
        entry = audience.feed.join()
        listener.pending = head + entry.prefix
        listener.position = entry.position
        self._selector.register(listener_socket, listener)
        self.listeners += 1
        self.joins += 1
        self.guard(listener, self._begin, now)
        self._faults.report()
        return listener

    def _begin(self, listener: Listener, now: float) -> None:
        if self.catch_up(listener, now):
            self._let_in(listener, now)

    def drop(self, listener: Listener, reason: Departure) -> None:
        """Disconnect a listener at once. Does nothing if it is gone already."""
        if listener.is_gone:
            return
        self.departures[reason] += 1
        logger.debug("listener dropped: %s", reason)
        self._let_go(listener)

    def listeners_of(self, audience: AudienceLike) -> list[Listener]:
        """See `Audience.listeners`."""
        found = [listener for listener in self._out_of_step if listener.audience is audience]
        for cohort in self.cohorts_of(audience):
            found += cohort.in_step
            found += cohort.entering
        return found

    def cohorts_of(self, audience: AudienceLike) -> Sequence[Cohort]:
        """Return the cohorts of an audience."""
        return self._cohorts.get(audience, ())

    def close_audience(self, audience: AudienceLike) -> None:
        """See `Audience.close`."""
        if audience.is_closed:
            return
        audience.is_closed = True
        self._leaving.extend(self.listeners_of(audience))
        self._schedule_leaving()

    def close(self) -> None:
        """Disconnect everyone within this call, and stop using the loop. A second call does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        for handle in (self._leaving_handle, self._timer, self._sweep_timer):
            if handle is not None:
                handle.cancel()
        self._leaving.clear()
        for listener in self._selector.owners():
            self.guard(listener, self._say_goodbye)
        self._faults.report()
        self._selector.close()

    def _schedule_leaving(self) -> None:
        if self._leaving and self._leaving_handle is None and not self._is_closed:
            self._leaving_handle = self._loop.call_soon(self._work_off_leaving)

    def _work_off_leaving(self) -> None:
        deadline = time.monotonic() + self.pacing.turn_s
        self._leaving_handle = None
        while self._leaving:
            self.guard(self._leaving.popleft(), self._say_goodbye)
            if time.monotonic() > deadline:
                break
        self._schedule_leaving()
        self._faults.report()

    def _say_goodbye(self, listener: Listener) -> None:
        """Send as much of the listener's remaining audio as its socket takes, and disconnect it."""
        self._leave_cohort(listener)
        self.departures[Departure.ENDED] += 1
        feed = listener.audience.feed
        try:
            if listener.position >= feed.start:
                with contextlib.suppress(OSError):
                    rest = listener.pending + feed.read(listener.position, feed.end)
                    sent = listener.socket.send(rest)
                    self.sent_bytes += sent
                    listener.position += max(0, sent - len(listener.pending))
        finally:
            self._let_go(listener)

    def _let_go(self, listener: Listener) -> None:
        """Forget a listener and close its socket, then tell its audience."""
        listener.is_gone = True
        self.listeners -= 1
        self._out_of_step.discard(listener)
        # The stack calls these from the last to the first, and calls all of them even if one fails.
        with contextlib.ExitStack() as steps:
            steps.callback(listener.audience.left, listener)
            steps.callback(listener.socket.close)
            steps.callback(self._selector.unregister, listener.socket)
            self._leave_cohort(listener)

    def _leave_cohort(self, listener: Listener) -> None:
        """Give a listener a position of its own."""
        cohort = listener.cohort
        if cohort is not None:
            if listener.index >= 0:
                listener.position = cohort.position
            cohort.remove(listener)

    # -- errors of ours

    def guard(
        self,
        listener: Listener,
        step: Callable[Concatenate[Listener, P], object],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Call `step(listener, ...)`, if the listener is not gone.

        If the step raises, this listener is dropped, because it may be in any state. The error goes no
        further. The current turn reports it at its end.
        """
        if listener.is_gone:
            return
        with self._faults:
            step(listener, *args, **kwargs)
            return
        with self._faults:
            self.drop(listener, Departure.ERROR)

    def note(self, error: Exception) -> None:
        """Have the current turn report an error at its end."""
        self._faults.add(error)

    # -- in step

    def _let_in(self, listener: Listener, now: float) -> None:
        """Put a listener that has caught up into a cohort that has room, or into a new one."""
        audience = listener.audience
        cohorts = self._cohorts.setdefault(audience, [])
        for cohort in reversed(cohorts):
            if len(cohort) < self.pacing.cohort_size:
                break
        else:
            cohort = Cohort(self, audience)
            cohorts.append(cohort)
            self._rotation.add(cohort, self._phases.next(), now)
            self._set_timer()
        listener.cohort = cohort
        listener.index = -1
        cohort.entering.append(listener)

    def _set_timer(self) -> None:
        """Have `_run_due` called when the next cohort is due, if there is one."""
        due = self._rotation.next_due()
        if self._is_closed or due is None or (self._timer is not None and self._timer_due <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = due
        self._timer = self._loop.call_later(max(0.0, due - time.monotonic()), self._run_due)

    def _run_due(self) -> None:
        """Serve the cohorts that are due, as many as fit into one turn. The next turn serves the others."""
        self._timer = None
        now = time.monotonic()
        try:
            self._rotation.set_interval(self.interval_s, now)
            self._serve(self._take_due(now), now)
        finally:
            self._set_timer()
            self._faults.report()

    def _serve(self, cohorts: list[Cohort], now: float) -> None:
        # First all reads, then all sends. The processor's caches hold the code of one of them, not of both:
        # with 20 listeners for each source, alternating made the sends twice as slow (`benchmarks.mounts`).
        for audience in {cohort.audience: None for cohort in cohorts}:
            with self._faults:
                audience.pull()
        for cohort in cohorts:
            with self._faults:
                cohort.tick(now)
            if not len(cohort):
                self._take_off(cohort)

    def _take_off(self, cohort: Cohort) -> None:
        """Forget a cohort that is empty."""
        self._rotation.remove(cohort)
        cohorts = self._cohorts[cohort.audience]
        cohorts.remove(cohort)
        if not cohorts:
            del self._cohorts[cohort.audience]

    def _take_due(self, now: float) -> list[Cohort]:
        """Return cohorts that are due, together no more work than one full cohort.

        Waking up costs as much as 40 sends. So if there is room, cohorts that are due soon are taken too.
        """
        rotation = self._rotation
        until = now + _EARLY * rotation.interval_s
        cohorts: list[Cohort] = []
        sends = 0
        # Stop after one round: if the loop is late, the hand may already be due at the same cohort again.
        while len(cohorts) < len(rotation) and (following := rotation.find_next()) is not None:
            sends += AUDIENCE_SENDS + len(following)
            if cohorts and sends > self.pacing.cohort_size:
                break
            cohort = rotation.pass_next(until if cohorts else now + _TIMER_S, now)
            if cohort is None:
                break
            cohorts.append(cohort)
        return cohorts

    # -- out of step

    def catch_up(self, listener: Listener, now: float) -> bool:
        """Send a listener what it lacks. Return whether it is at the live edge now.

        If its socket does not take everything, the listener waits for room. If its connection is lost, it
        is dropped.
        """
        feed = listener.audience.feed
        if listener.position < feed.start and not self._requeue(listener):
            return False
        try:
            if listener.pending:
                sent = listener.socket.sendmsg(
                    (listener.pending, feed.read(listener.position, feed.end))
                )
                rest = sent - len(listener.pending)
                listener.pending = listener.pending[sent:]
                listener.position += max(0, rest)
            elif listener.position != feed.end:
                end = min(feed.end, listener.position + MAX_CATCH_UP_BYTES)
                sent = listener.socket.send(feed.read(listener.position, end))
                listener.position += sent
            else:
                return True
        except BlockingIOError:
            sent = 0
        except OSError:
            self.drop(listener, Departure.CONNECTION_LOST)
            return False
        if sent:
            self.sent_bytes += sent
            listener.last_progress = now
        if listener.position == feed.end and not listener.pending:
            return True
        self.wait_for_room(listener)
        return False

    def wait_for_room(self, listener: Listener) -> None:
        """Put a listener out of step: it is served when its socket takes more."""
        if listener in self._out_of_step:
            return
        self._out_of_step.add(listener)
        self._selector.modify(listener.socket, READ | WRITE)
        if self._sweep_timer is None:
            self._sweep_timer = self._loop.call_later(_SWEEP_INTERVAL_S, self._sweep)

    def _requeue(self, listener: Listener) -> bool:
        """Move a listener to the live edge, past audio that it loses. Return False if it was dropped."""
        entry = listener.audience.feed.rejoin(listener.position)
        if entry is None:
            self.drop(listener, Departure.LOST_TOO_MUCH)
            return False
        # What is pending already belongs to its response or to an earlier move, so it must come first.
        listener.pending += entry.prefix
        listener.position = entry.position
        self.requeued += 1
        return True

    def _sweep(self) -> None:
        """Check the listeners out of step once a second."""
        now = time.monotonic()
        self._sweep_timer = self._loop.call_later(_SWEEP_INTERVAL_S, self._sweep)
        for listener in list(self._out_of_step):
            self.guard(listener, self._look_after, now)
        self._faults.report()
        if not self._out_of_step and self._sweep_timer is not None:
            self._sweep_timer.cancel()
            self._sweep_timer = None

    def _look_after(self, listener: Listener, now: float) -> None:
        """Move a listener that is too far behind to the live edge. Drop one that takes too little."""
        if now - listener.last_progress > self.pacing.stall_timeout_s:
            self.drop(listener, Departure.STALLED)
            return
        feed = listener.audience.feed
        is_about_to_fall_off = feed.end - listener.position > feed.capacity * 3 // 4
        if is_about_to_fall_off and not self._requeue(listener):
            return
        if len(listener.pending) > MAX_PENDING_BYTES:
            self.drop(listener, Departure.STALLED)

    # -- the selector

    def _on_event(self, listener: Listener, events: int) -> None:
        try:
            if events & READ and not self._still_connected(listener):
                self.drop(listener, Departure.DISCONNECTED)
            elif events & WRITE and listener in self._out_of_step:
                self._serve_out_of_step(listener, time.monotonic())
        except Exception:
            self.drop(listener, Departure.ERROR)  # or the selector would report it again for ever
            raise

    def _serve_out_of_step(self, listener: Listener, now: float) -> None:
        if self.catch_up(listener, now):
            self._out_of_step.discard(listener)
            self._selector.modify(listener.socket, READ)
            self._let_in(listener, now)

    def _still_connected(self, listener: Listener) -> bool:
        """Read what a listener has sent, and forget it. Return False if it has closed or sent too much."""
        try:
            data = listener.socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            return False
        listener.noise_bytes += len(data)
        return bool(data) and listener.noise_bytes <= self.pacing.max_noise_bytes
