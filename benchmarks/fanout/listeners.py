"""Holds listeners, and checks all that they receive: `python -m benchmarks.fanout.listeners TIMES`.

One process, one epoll, up to 19,000 connections from one core. Each line of standard input is a
command, a JSON object with `do`; each is answered with one line.

    join          adds listeners to a group; answers when all of them have their first 4,000 bytes
    listen        lets time pass and tells what one group received in it
    stop_reading  turns a group deaf
    leave         disconnects a group, or some of it, chosen by chance

All others go on receiving, and being checked, during each of these.
"""

import errno
import gc
import json
import math
import os
import random
import select
import socket
import struct
import sys
import time
from collections.abc import Iterable, Sequence

from .outage_reader import OutageReader
from .reader import IcyReader, Reader
from .source import MAX_FRAMES, make_reference, open_times

KINDS: dict[str, type[Reader]] = {"plain": Reader, "icy": IcyReader, "outage": OutageReader}
FIRST_BYTES = 4000
_RECEIVE_BYTES = 262_144
_EVENTS_AT_ONCE = 1024
# Between two looks at the sockets. Waiting in epoll would have each send wake this process up, which on
# one machine costs the sender more than the send; behind a network nobody pays that.
NAP_S = 0.002
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # no port stays in TIME_WAIT
NICENESS = 5  # the source, on the same core, goes first: it is late for nobody


def summarise(values: Iterable[float], factor: float = 1000.0) -> dict[str, float]:
    """Return p50, p99 and max, times `factor`; zeros of nothing."""
    ordered = sorted(values)
    if not ordered:
        return {"p50": 0.0, "p99": 0.0, "max": 0.0}
    last = len(ordered) - 1
    return {
        name: round(factor * ordered[min(last, math.ceil(len(ordered) * quantile) - 1)], 2)
        for name, quantile in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
    }


class Window:
    """What one group has received while time passed."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.delays_s: list[float] = []
        self.received_bytes = 0
        self.pieces = 0


class Load:
    """All listeners of the process, in groups."""

    def __init__(self, times: "memoryview[float]") -> None:
        self._times = times
        self._reference = make_reference()
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}  # of those who have stopped reading, too
        self._readers: dict[int, Reader] = {}
        self._groups: dict[str, list[Reader]] = {}  # all who ever joined
        self._buffer = memoryview(bytearray(_RECEIVE_BYTES))
        self._window: Window | None = None

    # -- commands

    def join(
        self,
        group: str,
        count: int,
        at_once: int,
        connecting_at_once: int,
        port: int,
        paths: list[str],
        first: int,
        timeout_s: float,
        *,
        kind: str = "plain",
        receive_buffer: int = 0,
    ) -> dict[str, object]:
        """Add `count` listeners to `paths` in turn, `at_once` of them on their way in at a time.

        Of these, `connecting_at_once` wait for TCP's part. `first` is the number of the first path's
        mount. `receive_buffer`: what the kernel keeps for each, in bytes; 0: its own choice. After
        `timeout_s` those who are still on their way count as failed.
        """
        members = self._groups.setdefault(group, [])
        joining: list[Reader] = []
        connecting: list[Reader] = []
        new: list[Reader] = []
        started = time.monotonic()
        while len(new) < count or joining:
            if time.monotonic() > started + timeout_s:
                break
            while (
                len(new) < count and len(joining) < at_once and len(connecting) < connecting_at_once
            ):
                at = len(new) % len(paths)
                reader = KINDS[kind](self._reference, first + at, group, time.monotonic())
                self._connect(reader, port, paths[at], receive_buffer)
                for readers in (joining, connecting, new):
                    readers.append(reader)
            self._poll(0.05)
            joining = [reader for reader in joining if not (reader.joined or reader.fault)]
            connecting = [reader for reader in connecting if reader.is_connecting]
        seconds = time.monotonic() - started
        joined = [reader for reader in new if reader.joined]
        members += new
        return {
            "joined": len(joined),
            "failed": count - len(joined),
            "seconds": round(seconds, 4),
            "per_second": round(len(joined) / seconds, 1),
            "first_bytes_ms": summarise(reader.joined - reader.started for reader in joined),
            "faults": _faults(new),
        }

    def listen(self, group: str, seconds: float) -> dict[str, object]:
        """Let `seconds` pass; tell what those received who had joined by then."""
        window = Window(group)
        members = [reader for reader in self._groups[group] if not reader.fault]
        now = time.monotonic()
        for reader in members:
            reader.max_gap_s = 0.0
        used = time.process_time()
        self._window = window
        self._pass(seconds)
        self._window = None
        elapsed = time.monotonic() - now
        return {
            "group": group,
            "listeners": len(members),
            "seconds": round(elapsed, 3),
            "bytes_per_second": round(window.received_bytes / elapsed / max(1, len(members))),
            "pieces_per_second": round(window.pieces / elapsed / max(1, len(members)), 2),
            "delay_ms": summarise(window.delays_s),
            "gap_ms": summarise(self._gaps(members)),
            "lost": sum(1 for reader in members if reader.fault),
            "faults": _faults(members),
            "stand_in_s": summarise(
                (r.stand_in_s for r in members if isinstance(r, OutageReader)), 1.0
            ),
            "muted": max((r.muted for r in members if isinstance(r, OutageReader)), default=0),
            "metadata_blocks": sum(r.blocks for r in members if isinstance(r, IcyReader)),
            "load_percent": round(100 * (time.process_time() - used) / elapsed, 1),
        }

    def gaps(self, group: str) -> dict[str, object]:
        """Tell the longest gaps since the last call, or since joining, and begin anew."""
        members = [reader for reader in self._groups[group] if reader.joined and not reader.fault]
        told = summarise(self._gaps(members))
        for reader in members:
            reader.max_gap_s = 0.0
        return {"listeners": len(members), "gap_ms": told}

    def stop_reading(self, group: str) -> dict[str, object]:
        """Let a group stay connected and take nothing more."""
        members = self._groups.pop(group)
        for reader in members:
            self._epoll.unregister(reader.fd)
            del self._readers[reader.fd]
        return {"stopped": len(members)}

    def leave(self, group: str, count: int | None = None) -> dict[str, object]:
        """Disconnect a group, or `count` of it."""
        members = self._groups.pop(group)
        random.Random(len(members)).shuffle(members)
        if count is not None:
            self._groups[group] = members[count:]
        for reader in members[:count]:
            if not reader.fault:
                del self._readers[reader.fd]
                self._sockets.pop(reader.fd).close()
        return {"left": len(members[:count])}

    # -- sockets

    def _connect(self, reader: Reader, port: int, path: str, receive_buffer: int) -> None:
        client = socket.socket()
        client.setblocking(False)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        reader.fd = client.fileno()
        error = client.connect_ex(("127.0.0.1", port))
        if error not in (0, errno.EINPROGRESS):
            raise OSError(error, os.strerror(error))
        metadata = "Icy-MetaData: 1\r\n" if isinstance(reader, IcyReader) else ""
        reader.pending = (
            f"GET {path} HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\n{metadata}\r\n".encode()
        )
        self._sockets[reader.fd] = client
        self._readers[reader.fd] = reader
        self._epoll.register(reader.fd, select.EPOLLOUT)

    def _send_request(self, reader: Reader) -> None:
        try:
            self._sockets[reader.fd].send(reader.pending)
        except OSError as error:
            self._lose(reader, f"could not connect: {error}")
            return
        reader.pending = b""
        reader.is_connecting = False
        self._epoll.modify(reader.fd, select.EPOLLIN)

    def _lose(self, reader: Reader, fault: str) -> None:
        reader.fault = reader.fault or fault
        reader.is_connecting = False
        del self._readers[reader.fd]
        self._sockets.pop(reader.fd).close()

    def _pass(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._poll(left)

    def _poll(self, timeout: float) -> None:
        readers, sockets, buffer = self._readers, self._sockets, self._buffer
        time.sleep(min(timeout, NAP_S))
        for fd, mask in self._epoll.poll(0, _EVENTS_AT_ONCE):
            reader = readers[fd]
            if mask & select.EPOLLOUT:
                self._send_request(reader)
                continue
            try:
                size = sockets[fd].recv_into(buffer)
            except BlockingIOError:
                continue
            except OSError:
                size = 0
            if not size:
                self._lose(reader, "disconnected by the server")
                continue
            now = time.monotonic()
            position = reader.position
            reader.receive(buffer[:size])
            if reader.fault:
                self._lose(reader, "")
            elif reader.joined:
                self._count(reader, position, size, now)
            else:
                reader.last = now
                if reader.audio_bytes >= FIRST_BYTES:
                    reader.joined = now

    def _count(self, reader: Reader, position: int, size: int, now: float) -> None:
        """Count a piece: the time since the last one, and since its first byte was sent in."""
        gap = now - reader.last
        reader.last = now
        reader.max_gap_s = max(reader.max_gap_s, gap)
        window = self._window
        if window is not None and window.group == reader.group:
            window.received_bytes += size
            window.pieces += 1
            frame = self._reference.frame_of(position, reader.mount)
            window.delays_s.append(now - self._times[reader.mount * MAX_FRAMES + frame])

    def _gaps(self, members: Sequence[Reader]) -> list[float]:
        """The longest of each listener, the present one included."""
        now = time.monotonic()
        return [max(reader.max_gap_s, now - reader.last) for reader in members]


def _faults(readers: Sequence[Reader]) -> list[str]:
    return sorted({reader.fault for reader in readers if reader.fault})[:3]


def main() -> None:
    os.nice(NICENESS)
    load = Load(open_times(sys.argv[1]))
    gc.freeze()
    gc.disable()  # a collection over 19,000 readers would look like a gap of the server's
    for line in sys.stdin:
        command = json.loads(line)
        answer = getattr(load, command.pop("do"))(**command)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
