"""Sends paced MP3 to mounts as Icecast sources do: `python -m benchmarks.fanout.source TIMES`.

Each line of standard input is a command, a JSON object with `do`; each is answered with one line.

    open    `port`, `mounts` (a list of `[path, password]`), `first` (the number of the first of
            them): puts the mounts on air, as one group, and sends each 4.4 seconds at once
    play    `first`: that group goes on at its pace, one frame every 26 ms, as an encoder has them
            ready, its mounts one after the other within those; every other group is only kept on
            air, by a frame every 3 s
    cut     `first`: that group's connections are closed
    resume  `first`: they are opened again, and go on at their pace from the next frame on

So several servers hold their listeners at the same time, and one after the other is put to work.
TIMES is a file that both sides map: when each frame was sent, in monotonic seconds, `MAX_FRAMES` of
them for each mount. Ends with its input.
"""

import base64
import json
import math
import mmap
import select
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from .audio import FRAME_S, MOUNT_OFFSET_FRAMES, PREFILL_FRAMES, Reference, frames_needed

MAX_SECONDS = 180.0  # that one group may play
MAX_MOUNTS = 256
MAX_FRAMES = frames_needed(1, MAX_SECONDS)
TIMES_BYTES = MAX_MOUNTS * MAX_FRAMES * 8
_TIMEOUT_S = 10
_KEEP_ALIVE_S = 3.0
_WORTH_SLEEPING_S = 0.0005


def open_times(path: str) -> "memoryview[float]":
    """Map the file of times as doubles: frame `k` of mount `m` is at `m * MAX_FRAMES + k`."""
    with Path(path).open("r+b") as file:
        times: memoryview[float] = memoryview(mmap.mmap(file.fileno(), TIMES_BYTES)).cast("d")
        return times


def make_reference() -> Reference:
    """Return the audio of all mounts; the same in every process."""
    return Reference(frames_needed(MAX_MOUNTS, MAX_SECONDS))


def _log_in(port: int, path: str, password: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), _TIMEOUT_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    login = base64.b64encode(f"source:{password}".encode()).decode()
    connection.sendall(
        f"SOURCE {path} HTTP/1.0\r\nAuthorization: Basic {login}\r\nice-name: Benchmark\r\n"
        "Content-Type: audio/mpeg\r\n\r\n".encode()
    )
    answer = connection.recv(4096)
    if b" 200 " not in answer.partition(b"\r\n")[0]:
        raise SystemExit(f"{path} was refused: {answer!r}")
    return connection


class Group:
    """The mounts of one server, which are always at the same frame."""

    def __init__(
        self,
        reference: Reference,
        times: "memoryview[float]",
        first: int,
        port: int,
        logins: Sequence[tuple[str, str]],
    ) -> None:
        self._data, self._starts = memoryview(reference.data), reference.starts
        self._times = times
        self._first = first
        self._port = port
        self._logins = logins
        self._sources = self._log_in()
        self._is_gone = False  # the server has hung up, as it does at its end
        self._frame = 0
        self._next = 0  # of the sources, within the present frame
        for number in range(len(self._sources)):
            self._send(number, PREFILL_FRAMES)
        self._frame = PREFILL_FRAMES
        self.due = 0.0
        self.keep_alive(time.monotonic())

    def play(self, now: float) -> None:
        """Go on at the pace of the audio. Raises SystemExit if the server has hung up."""
        if self._is_gone:
            raise SystemExit("a server has hung up on its source")
        self._step_s = FRAME_S / len(self._sources)
        self.due = now

    def cut(self) -> None:
        """Hang up, until `resume`."""
        for source in self._sources:
            source.close()
        self.due = math.inf

    def resume(self, now: float) -> None:
        """Connect again and go on at the pace of the audio."""
        self._sources = self._log_in()
        self.play(now)

    def _log_in(self) -> list[socket.socket]:
        return [_log_in(self._port, path, password) for path, password in self._logins]

    def keep_alive(self, now: float) -> None:
        """Go on with next to nothing."""
        if self._is_gone:
            return
        self._step_s = _KEEP_ALIVE_S / len(self._sources)
        self.due = now + self._step_s

    def send_next(self) -> None:
        """Send the frame that is due."""
        self.due += self._step_s
        try:
            self._send(self._next, 1)
        except ConnectionError:
            self._is_gone = True
            self.due = math.inf
            return
        self._next += 1
        if self._next == len(self._sources):
            self._next = 0
            self._frame += 1
            if self._frame == MAX_FRAMES:
                raise SystemExit(f"a group has played for {MAX_SECONDS:g} s")

    def _send(self, number: int, frames: int) -> None:
        mount = self._first + number
        at = mount * MOUNT_OFFSET_FRAMES + self._frame
        times_at = mount * MAX_FRAMES + self._frame
        now = time.monotonic()
        for frame in range(frames):
            self._times[times_at + frame] = now
        self._sources[number].sendall(self._data[self._starts[at] : self._starts[at + frames]])


class Sources:
    """All groups."""

    def __init__(self, times: "memoryview[float]") -> None:
        self._times = times
        self._reference = make_reference()
        self._groups: dict[int, Group] = {}

    def open(self, port: int, first: int, mounts: list[tuple[str, str]]) -> None:
        self._groups[first] = Group(self._reference, self._times, first, port, mounts)

    def play(self, first: int) -> None:
        now = time.monotonic()
        for number, group in self._groups.items():
            if number == first:
                group.play(now)
            else:
                group.keep_alive(now)

    def cut(self, first: int) -> None:
        self._groups[first].cut()

    def resume(self, first: int) -> None:
        self._groups[first].resume(time.monotonic())

    def send_due(self) -> float:
        """Send what is due; return the seconds until the next."""
        now = time.monotonic()
        for group in self._groups.values():
            while group.due <= now:
                group.send_next()
        return min((now + 1.0, *(group.due for group in self._groups.values()))) - now


def main() -> None:
    sources = Sources(open_times(sys.argv[1]))
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as commands:
        # Without a buffer, for select() sees none.
        while True:
            wait = sources.send_due()
            if not select.select([commands], [], [], wait if wait > _WORTH_SLEEPING_S else 0)[0]:
                continue
            line = commands.readline()
            if not line:
                return
            command = json.loads(line)
            getattr(sources, command.pop("do"))(**command)
            print("{}", flush=True)


if __name__ == "__main__":
    main()
