"""Keeps the rows of `streams` true, off the way of the audio: one task, one pass a second.

Going on and off air wakes the pass at once; listeners, titles, bitrate and uptime are looked at in
each. Pending is one state per stream, however often it changes, so an absent database costs no
memory: what is on air stays on air, and the rows catch up when it is back.

Each UPDATE is guarded, so that it cannot undo what came after it was worked out: without simulcast only
a selected row goes live, only a live row is refreshed, and nobody's `maintenance` is overwritten.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Update, bindparam, case, or_, update

from awazpulse.kinds import StreamStatus, StreamType
from awazpulse.relay import Broadcast
from awazpulse.store import DatabaseUnavailable, Sessions, Stream, utc_now

from .row_state import RowState, Values
from .switching import LiveUptime

logger = logging.getLogger(__name__)

WRITE_INTERVAL_S = 1.0
REREAD_INTERVAL_S = 3.0
FIRST_RETRY_S = 0.5
MAX_RETRY_S = 10.0
ROWS_PER_TRANSACTION = 100  # keeps a transaction short: others wait for its locks

_ROW_ID = "row_id"


class _Shape(NamedTuple):
    """What a statement depends on: the new status, whether any row may go live, and the columns."""

    status: StreamStatus | None
    is_simulcast: bool
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Pending:
    state: RowState
    revision: int
    changes: Values

    def shape(self) -> "_Shape":
        """Return what makes two updates one statement."""
        return _Shape(self.changes.get("status"), self.state.is_simulcast, tuple(self.changes))

    def parameters(self) -> Values:
        """Return what the statement of this shape takes."""
        new = {_new(name): value for name, value in self.changes.items() if name != "status"}
        return new | {_ROW_ID: self.state.stream_id}


class RowWriter:
    """Writes what is on air into the rows. `reread` is awaited every `reread_interval_s`."""

    def __init__(
        self,
        sessions: Sessions,
        reread: Callable[[], Awaitable[None]],
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], datetime] = utc_now,
        write_interval_s: float = WRITE_INTERVAL_S,
        reread_interval_s: float = REREAD_INTERVAL_S,
    ) -> None:
        self._sessions = sessions
        self._reread = reread
        self._clock = clock
        self._wall_clock = wall_clock
        self._write_interval_s = write_interval_s
        self._reread_interval_s = reread_interval_s
        self._states: dict[str, RowState] = {}
        self._of_broadcast: dict[int, list[RowState]] = {}  # those on air, by broadcast
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()  # one pass at a time: two would overtake each other
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._states)

    def start(self) -> None:
        """Begin to write; before it, and after `close`, only `flush` does."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="row writer")

    def go_live(self, stream: Stream, broadcast: Broadcast) -> None:
        """A broadcast is on air as this row says. Never waits."""
        known_s = float(stream.total_uptime or 0)
        state = self._states.get(stream.id)
        if state is None:
            delivery = stream.stream_type or StreamType.HLS
            now = self._wall_clock()
            state = RowState(stream.id, stream.channel_id, delivery.value, known_s, now)
            self._states[stream.id] = state
        # A state that is still to be written knows of uptime that the row does not tell yet. What the
        # broadcast has aired before it came to this row is not the row's.
        state.uptime_s = max(state.uptime_s, known_s) - broadcast.aired_s(self._clock())
        self._change(state, broadcast)

    def set_simulcast(self, broadcast: Broadcast, *, is_simulcast: bool) -> None:
        """Say whether all rows of a broadcast are live, or the selected one alone."""
        for state in self.find(broadcast):
            state.is_simulcast = is_simulcast

    def go_offline(self, broadcast: Broadcast, delivery: str | None = None) -> None:
        """A broadcast is over, or one delivery of it. Never waits."""
        for state in tuple(self.find(broadcast)):
            if delivery in (None, state.delivery):
                state.uptime_s += broadcast.aired_s(self._clock())
                self._change(state, None)

    def note_change(self, broadcast: Broadcast) -> None:
        """The audio of a broadcast began or ended; it is on air still."""
        for state in self.find(broadcast):
            state.changed_at = self._wall_clock()
            self._wake.set()

    def find(self, broadcast: Broadcast) -> list[RowState]:
        """Return the states of the rows that this broadcast is live on."""
        return self._of_broadcast.get(broadcast.id, [])

    def find_uptime(self, broadcast: Broadcast) -> list[LiveUptime]:
        """Return the rows that this broadcast is live on, each with its uptime so far."""
        now = self._clock()
        return [LiveUptime(s.stream_id, s.total_uptime_s(now)) for s in self.find(broadcast)]

    def overlay(self, stream: Stream) -> Stream:
        """Make a row that has been read say what is true now, written or not; return it."""
        state = self._states.get(stream.id)
        if state is not None:
            for name, value in state.describe(self._clock()).items():
                if name != "status" or stream.status is not StreamStatus.MAINTENANCE:
                    setattr(stream, name, value)
        return stream

    def rewrite(self, broadcast: Broadcast) -> None:
        """Write everything anew: somebody else has changed the row."""
        for state in self.find(broadcast):
            state.written = {}
            self._wake.set()

    async def flush(self) -> None:
        """Write all that is pending now. Raises `DatabaseUnavailable`; it is then still pending."""
        async with self._turn:
            states = sorted(self._states.values(), key=lambda state: state.stream_id)
            for start in range(0, len(states), ROWS_PER_TRANSACTION):
                await self._write(states[start : start + ROWS_PER_TRANSACTION])

    async def close(self, timeout_s: float) -> None:
        """Write what is pending, as far as that goes in `timeout_s`, and stop."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        try:
            async with asyncio.timeout(timeout_s):
                await self.flush()
        except (DatabaseUnavailable, TimeoutError) as error:
            # The next start repairs them.
            reason = str(error) or f"no answer in {timeout_s:g} s"
            logger.warning("%d rows are left unwritten: %s", len(self._states), reason)

    def _change(self, state: RowState, broadcast: Broadcast | None) -> None:
        former = state.broadcast
        if former is not None:
            left = [other for other in self.find(former) if other is not state]
            self._of_broadcast[former.id] = left
            if not left:
                del self._of_broadcast[former.id]
        if broadcast is not None:
            self._of_broadcast.setdefault(broadcast.id, []).append(state)
        state.change(broadcast, self._wall_clock())
        self._wake.set()

    async def _run(self) -> None:
        retry_s, reread_at = FIRST_RETRY_S, self._clock() + self._reread_interval_s
        is_away = False
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._write_interval_s):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self.flush()
                if self._clock() >= reread_at:
                    reread_at = self._clock() + self._reread_interval_s
                    await self._reread()
            except DatabaseUnavailable as error:
                if not is_away:
                    logger.warning("stream rows wait, what is on air stays on air: %s", error)
                is_away = True
                await asyncio.sleep(retry_s)
                retry_s = min(MAX_RETRY_S, 2 * retry_s)
            except Exception:
                logger.exception("a pass over the stream rows failed")
                await asyncio.sleep(MAX_RETRY_S)
            else:
                if is_away:
                    logger.info("stream rows are written again")
                retry_s, is_away = FIRST_RETRY_S, False

    async def _write(self, states: list[RowState]) -> None:
        now = self._clock()
        pending = [_Pending(s, s.revision, s.find_changes(now)) for s in states]
        pending = [entry for entry in pending if entry.changes]
        if pending:
            await self._execute(pending)
        for entry in pending:
            self._mark_written(entry)

    async def _execute(self, pending: list[_Pending]) -> None:
        try:
            async with self._sessions.write() as session:
                connection = await session.connection()
                # Many rows that change alike, as all uptimes do, are one call of the driver.
                for shape, alike in groupby(pending, _Pending.shape):
                    rows = [entry.parameters() for entry in alike]
                    await connection.execute(_make_update(shape), rows)
        except DatabaseUnavailable:
            raise
        except Exception:
            # One row's value that the database will not take must not hold up the others.
            if len(pending) == 1:
                logger.exception("stream=%s its row cannot be written", pending[0].state.stream_id)
                return
            for entry in pending:
                await self._execute([entry])

    def _mark_written(self, entry: _Pending) -> None:
        state = entry.state
        if state.revision != entry.revision:
            return  # it went on or off air meanwhile; the next pass writes that
        if state.broadcast is None:
            del self._states[state.stream_id]
        else:
            state.written |= entry.changes


def _make_update(shape: _Shape) -> Update:
    """Return the statement that changes these columns of one row, as guarded as its status asks."""
    statement = update(Stream).where(Stream.id == bindparam(_ROW_ID))
    values: Values = {name: bindparam(_new(name)) for name in shape.names}
    if shape.status is None:
        statement = statement.where(Stream.status == StreamStatus.LIVE)
    elif shape.status is StreamStatus.LIVE:
        free = or_(Stream.status.is_(None), Stream.status != StreamStatus.MAINTENANCE)
        statement = statement.where(free)
        if not shape.is_simulcast:
            statement = statement.where(Stream.is_main_stream.is_(True))
        values["status"] = shape.status
    else:
        went_off = case((Stream.status == StreamStatus.LIVE, shape.status), else_=Stream.status)
        values["status"] = went_off
    return statement.values(values)


def _new(name: str) -> str:
    return f"new_{name}"  # a column's own name is taken by the statement itself
