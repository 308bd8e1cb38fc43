"""Holds HLS players, and checks all that they receive: `python -m benchmarks.hls.players`.

One process, one epoll, a connection each. Every two seconds a player fetches the playlist and then what is
new in it; the players' turns are spread evenly. Each line of standard input is a command, a JSON
object with `do`; each is answered with one line.

    join   connects players
    play   lets time pass and tells what they received in it
    leave  disconnects all

Between two commands nobody asks for anything.
"""

import gc
import json
import os
import select
import socket
import struct
import sys
import time
from collections import Counter

from awazpulse.descriptors import raise_limit
from benchmarks.fanout.listeners import NAP_S, NICENESS, summarise

from .player import PERIOD_S, Player

_RECEIVE_BYTES = 262_144
_EVENTS_AT_ONCE = 1024
_DRAIN_S = 1.0  # for the last answers of a window
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # no port stays in TIME_WAIT


class Window:
    """What was received while time passed."""

    def __init__(self) -> None:
        self.answers_s: list[float] = []  # from a request to the last byte of its answer
        self.late_s: list[float] = []  # from a segment's first listing to its last byte
        self.received_bytes = 0
        self.segments = 0


class Load:
    """All players of the process."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._players: list[Player] = []  # all who ever joined, in the order of their turns
        self._by_fd: dict[int, Player] = {}  # those who are connected
        self._buffer = memoryview(bytearray(_RECEIVE_BYTES))
        self._faults: Counter[str] = Counter()
        self._listed_at: dict[int, float] = {}  # when the first player saw a segment's name
        self._window = Window()
        self._turn = 0
        self._due = 0.0

    # -- commands

    def join(
        self, port: int, path: str, count: int, *, is_static: bool = False
    ) -> dict[str, object]:
        """Connect `count` players of the playlist at `path`."""
        for number in range(count):
            player = Player(path, number, self._faults, is_static=is_static)
            client = socket.create_connection(("127.0.0.1", port))
            client.setblocking(False)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            player.fd = client.fileno()
            self._players.append(player)
            self._by_fd[player.fd] = player
            self._sockets[player.fd] = client
            self._epoll.register(player.fd, select.EPOLLIN)
        return {"joined": len(self._by_fd)}

    def play(self, seconds: float) -> dict[str, object]:
        """Let `seconds` pass; tell what was received, all answers to what was asked included."""
        window = self._window = Window()
        self._faults.clear()
        self._listed_at.clear()  # nobody was looking meanwhile
        used = time.process_time()
        began = self._due = time.monotonic()
        while time.monotonic() < began + seconds:
            self._poll_due()
            self._receive_all()
        elapsed = time.monotonic() - began
        self._drain()
        return {
            "listeners": len(self._by_fd),
            "seconds": round(elapsed, 3),
            "requests_per_second": round(len(window.answers_s) / elapsed, 1),
            "segments": window.segments,
            "bytes_per_second": round(window.received_bytes / elapsed),
            "answer_ms": summarise(window.answers_s),
            "late_ms": summarise(window.late_s),
            "faults": self._faults.total(),
            "worst_faults": [f"{text} ({n})" for text, n in self._faults.most_common(3)],
            "load_percent": round(100 * (time.process_time() - used) / elapsed, 1),
        }

    def leave(self) -> dict[str, object]:
        """Disconnect all."""
        left = len(self._by_fd)
        for client in self._sockets.values():
            client.close()
        for holder in (self._sockets, self._by_fd, self._players):
            holder.clear()
        self._turn = 0
        return {"left": left}

    # -- turns and sockets

    def _poll_due(self) -> None:
        """Let those ask for the playlist whose turn has come."""
        step_s = PERIOD_S / len(self._players)
        now = time.monotonic()
        while self._due <= now:
            player = self._players[self._turn]
            if player.is_waiting:
                player.blame(f"no whole answer within {PERIOD_S:g} s")
            elif player.fd in self._by_fd:
                self._send(player, player.poll())
            self._turn = (self._turn + 1) % len(self._players)
            self._due += step_s

    def _send(self, player: Player, request: bytes) -> None:
        player.asked_at = time.monotonic()
        try:
            self._sockets[player.fd].send(request)
        except OSError as error:
            self._lose(player, f"could not ask: {error.strerror}")

    def _receive_all(self) -> None:
        time.sleep(NAP_S)
        for fd, _ in self._epoll.poll(0, _EVENTS_AT_ONCE):
            player = self._by_fd[fd]
            try:
                size = self._sockets[fd].recv_into(self._buffer)
            except BlockingIOError:
                continue
            except OSError:
                size = 0
            self._window.received_bytes += size
            if not size:
                self._lose(player, "disconnected by the server")
            elif not player.is_waiting:
                self._lose(player, "an answer to nothing")
            elif player.receive(self._buffer[:size]):
                self._count(player, time.monotonic())
                if request := player.next_request():
                    self._send(player, request)

    def _count(self, player: Player, now: float) -> None:
        """Count an answer."""
        window = self._window
        window.answers_s.append(now - player.asked_at)
        if player.segment < 0:
            self._listed_at.setdefault(player.playlist.newest, now)
            return
        window.segments += 1
        if player.segment in self._listed_at:
            window.late_s.append(now - self._listed_at[player.segment])

    def _drain(self) -> None:
        """Wait for what is still to be answered, so that no answer lies between two windows."""
        deadline = time.monotonic() + _DRAIN_S
        while time.monotonic() < deadline and any(p.is_waiting for p in self._players):
            self._receive_all()

    def _lose(self, player: Player, fault: str) -> None:
        player.blame(fault)
        player.is_waiting = False
        del self._by_fd[player.fd]
        self._sockets.pop(player.fd).close()


def main() -> None:
    raise_limit()
    os.nice(NICENESS)
    load = Load()
    gc.freeze()
    gc.disable()  # a collection over 5,000 players would look like a slow answer of the server's
    for line in sys.stdin:
        command = json.loads(line)
        answer = getattr(load, command.pop("do"))(**command)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
