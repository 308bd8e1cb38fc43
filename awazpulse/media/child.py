"""One child process that answers requests, from the server's side.

It is started when there is something to ask, started again after a crash (each time in a row a little later),
and killed when it does not answer in time, or when nobody waits for the answer any more: what it was
doing would be in the way of the next request. A crash fails the request under way only; the others wait
on for the next child.

It is a plain `Popen` with a socket pair, started and waited for in a thread: asyncio's own subprocesses wait
by way of signals or watcher threads that differ between event loops and get in each other's way, and
uvloop copies the server's page tables to start one.
"""

import asyncio
import contextlib
import logging
import os
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from .errors import MediaBusy, MediaFailed
from .wire import ERRORS, LENGTHS, Head, parse_head, parse_lengths, serialize_message

MAX_BACKOFF_S = (
    2.0  # who asks waits for it, so it is short; it bounds what a child that cannot start costs
)
FIRST_BACKOFF_S = 0.1  # doubled with each failure in a row; the first one is not waited for
_SECRETS = (
    "AWAZPULSE_"  # settings, the secret key among them: no business of who reads hostile files
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """How long a request may take and wait, in seconds, and how many may wait."""

    deadline_s: float  # for the answer, once the child has been asked
    turn_s: float | None  # for the requests before it; None: as long as they need
    idle_s: float | None  # after which the child is ended; None: never
    max_requests: int  # waiting or under way


@dataclass(frozen=True, slots=True)
class _Process:
    """A child that runs, and the streams to it and from it."""

    popen: subprocess.Popen[bytes]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Child:
    """Asks a child process that runs `command`, one request at a time, in order."""

    def __init__(self, command: Sequence[str], name: str, limits: ChildLimits) -> None:
        self._command = command
        self._name = name
        self._limits = limits
        self._turn = asyncio.Lock()
        self._requests = 0
        self._process: _Process | None = None
        self._failures = 0  # in a row
        self._idle: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process's number, or None if none runs."""
        return self._process.popen.pid if self._process else None

    async def ask(self, head: Head, body: bytes = b"") -> object:
        """Return the answer's result.

        Raises what the child says (`UnusableFile`, `MediaFailed`), `MediaFailed` if it crashes, hangs or is
        closed, and `MediaBusy` if too much is asked already. Cancelled, it ends the child.
        """
        message = serialize_message(head, body)
        if self._requests >= self._limits.max_requests:
            raise MediaBusy(f"{self._requests} requests wait for the {self._name} worker already")
        self._requests += 1
        try:
            await self._take_turn()
            try:
                return _result_of(await self._exchange(message))
            finally:
                self._turn.release()
        finally:
            self._requests -= 1

    async def _take_turn(self) -> None:
        try:
            async with asyncio.timeout(self._limits.turn_s):
                await self._turn.acquire()
        except TimeoutError:
            raise MediaBusy(
                f"the {self._name} worker had no time for {self._limits.turn_s:g} s"
            ) from None

    async def _exchange(self, message: bytes) -> Head:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        is_answered = False
        try:
            process = await self._start()
            async with asyncio.timeout(self._limits.deadline_s):
                answer = await _ask(process, message)
            is_answered = True
        except TimeoutError:
            raise self._failed(f"did not answer for {self._limits.deadline_s:g} s") from None
        except (EOFError, OSError, MediaFailed) as error:
            raise self._failed(f"failed: {error}") from error
        finally:
            if not is_answered:
                self._end()
        self._failures = 0
        if self._limits.idle_s is not None and not self._closed.is_set():
            self._idle = asyncio.get_running_loop().call_later(self._limits.idle_s, self._end)
        return answer

    def _failed(self, what: str) -> MediaFailed:
        if self._closed.is_set():
            return MediaFailed(f"the {self._name} worker was closed")
        self._failures += 1
        logger.warning("The %s worker %s", self._name, what)
        return MediaFailed(f"the {self._name} worker {what}")

    async def _start(self) -> _Process:
        """Return the process, started if there is none."""
        if self._process is not None and self._process.popen.poll() is not None:
            self._end()  # it died while nobody asked: no request fails by that
        if self._process is None:
            if self._failures > 1:
                await self._back_off()
            if not self._closed.is_set():
                await self._spawn()
            if self._closed.is_set():  # before it was started, or meanwhile
                raise MediaFailed("closed")
        assert self._process is not None
        return self._process

    async def _back_off(self) -> None:
        """Wait, the longer the more failures there were in a row, or until this is closed."""
        delay = min(FIRST_BACKOFF_S * 2 ** min(self._failures - 2, 10), MAX_BACKOFF_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._closed.wait()

    async def _spawn(self) -> None:
        spawning = asyncio.create_task(_spawn(self._command))
        try:
            self._process = await asyncio.shield(spawning)
        except asyncio.CancelledError:
            self._process = await spawning  # or nobody would end it
            raise

    def _end(self) -> None:
        """Kill the process, if there is one; a task waits for its end."""
        process, self._process = self._process, None
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if process is not None:
            task = asyncio.get_running_loop().create_task(_kill(process))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """End the process; what is under way or waits fails. More than once is the same."""
        self._closed.set()
        self._end()
        async with self._turn:  # behind all that wait, which fail at once
            self._end()
        while self._ending:
            await asyncio.gather(*self._ending)


async def _spawn(command: Sequence[str]) -> _Process:
    ours, theirs = socket.socketpair()
    with theirs:
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        try:
            popen = await asyncio.to_thread(_popen, command, theirs.fileno())
        except BaseException:
            writer.transport.abort()
            raise
    return _Process(popen, reader, writer)


def _popen(command: Sequence[str], channel: int) -> subprocess.Popen[bytes]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(_SECRETS)}
    return subprocess.Popen(command, stdin=channel, stdout=channel, env=env)  # noqa: S603  # our own


async def _ask(process: _Process, message: bytes) -> Head:
    if process.writer.is_closing():  # uvloop raises RuntimeError when one writes
        raise EOFError("it has ended")
    process.writer.write(message)
    await process.writer.drain()
    lengths = parse_lengths(await process.reader.readexactly(LENGTHS.size))
    answer = await process.reader.readexactly(sum(lengths))
    return parse_head(answer[: lengths[0]])


async def _kill(process: _Process) -> None:
    process.popen.kill()
    process.writer.transport.abort()
    with contextlib.suppress(OSError):
        await process.writer.wait_closed()
    await asyncio.to_thread(process.popen.wait)


def _result_of(answer: Head) -> object:
    if "error" in answer:
        raise ERRORS.get(answer["error"], MediaFailed)(answer.get("text"))
    if "result" not in answer:
        raise MediaFailed(f"got an answer of {sorted(answer)}, expected a result")
    return answer["result"]
