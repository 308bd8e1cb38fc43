"""HLS delivery, ours beside nginx: `python -m benchmarks.hls_delivery`.

One audio-only RTMP publisher feeds one channel of ours; nginx serves copies of its playlist and segments
from memory. First 5,000 listeners fetch at the pace of players, of ours and, the last segment again
and again, of nginx. Then wrk asks for the playlist, and for the newest segment, as fast as it is
answered over 50 connections, in interleaved rounds. `late` is from the moment when the first player saw a
segment listed until another had all of it: players look every two seconds, so it is that at most.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import report, wrk
from .hls.on_air import PATH, copy, on_air, wait_for_segments
from .machine import ask, load_core, pinned, run_seconds, running
from .peers.nginx import Nginx, find_nginx, nginx_files
from .report import Figure, Report, say, turn_figures
from .server import OurServer, Turns, our_server
from .wrk import Answered

OURS, NGINX = "awazpulse", "nginx"
_WARM_S = 2.2  # in which all have had their first segment
_FILL_S = 10.5  # the same, until the playlist is as long as it gets
_IN_MEMORY = Path("/dev/shm")
_COLUMNS = (
    *("server", "load", "requests/s", "rounds", "us/request", "us/listener", "% of core"),
    *("answer p50 ms", "p99 ms", "max ms", "late p99 ms", "faults", "turn p99 ms", "turn max ms"),
)


@dataclass(frozen=True, slots=True)
class Played:
    """What players received of one server, and what that cost it."""

    received: dict[str, Any]
    faults: int  # in this window and all others
    used_s: float
    turns: Turns | None = None

    @property
    def core_percent(self) -> float:
        return 100 * self.used_s / float(self.received["seconds"])

    @property
    def cpu_us(self) -> float:
        """Per listener and second."""
        return 1e4 * self.core_percent / max(1, int(self.received["listeners"]))

    @property
    def request_us(self) -> float:
        return 1e4 * self.core_percent / max(1.0, float(self.received["requests_per_second"]))


@dataclass(slots=True)
class Duel:
    """All rounds of wrk, by what was asked for and of whom."""

    rounds: dict[tuple[str, str], list[Answered]] = field(default_factory=dict)

    def ask(self, server: str, what: str, pid: int, port: int, path: str, seconds: int) -> None:
        answered = wrk.answered(pid, port, path, seconds)
        self.rounds.setdefault((server, what), []).append(answered)
        say(f"{server}: {answered.per_second:,.0f} {what}s a second")

    def per_second(self, server: str, what: str) -> float:
        return statistics.median(a.per_second for a in self.rounds[server, what])

    def rows(self) -> list[dict[str, object]]:
        return [
            {
                "server": server,
                "load": f"{what}, {wrk.CONNECTIONS} connections",
                "requests/s": round(self.per_second(server, what)),
                "rounds": " ".join(f"{answered.per_second:.0f}" for answered in rounds),
                "us/request": round(statistics.median(a.cpu_us for a in rounds), 1),
                "% of core": round(statistics.median(a.core_percent for a in rounds), 1),
            }
            for (server, what), rounds in self.rounds.items()
        ]

    def figures(self) -> list[Figure]:
        return [
            Figure(
                f"{what}_of_nginx",
                f"{what}s a second, of nginx's",
                self.per_second(OURS, what) / self.per_second(NGINX, what),
                "x",
                tolerance=1.3,
                higher_is_better=True,
            )
            for what in dict.fromkeys(what for _, what in self.rounds)
        ]


def run(short: bool) -> Report:
    listeners, warm_s, play_s, watch_s = (
        (1000, _WARM_S, 4.0, 1.5) if short else (5000, _FILL_S, 8.0, 3.0)
    )
    notes, duel = [], Duel()
    with ExitStack() as stack:
        server = stack.enter_context(our_server(1, stream_type="hls"))
        stack.enter_context(on_air(server))
        wait_for_segments(server.ports["hls"], 1)
        with _players(server.ports["hls"], listeners) as players:
            ours = _play_ours(players, server, (warm_s, play_s, watch_s))
        rows = [_row(OURS, ours)]
        if find_nginx():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=_IN_MEMORY)))
            nginx = stack.enter_context(nginx_files(folder))
            if not short:
                copy(server.ports["hls"], folder)
                with _players(nginx.port, listeners, is_static=True) as players:
                    rows.append(_row(NGINX, _play(players, nginx.pid, _WARM_S, play_s / 2)))
            if wrk.is_installed():
                rounds, seconds = (2, 2) if short else (3, 3)
                for _ in range(rounds):
                    _ask_both(duel, server, nginx, folder, seconds)
            else:
                notes.append("wrk is not installed, so requests a second were not measured")
        else:
            notes.append("nginx is not installed, so nothing was measured beside it")
    return Report(
        "hls_delivery",
        f"HLS: {listeners:,} listeners at their pace, and requests a second, AAC 160 kbit/s",
        _COLUMNS,
        [*duel.rows(), *rows],
        [*duel.figures(), *_figures(ours)],
        notes,
    )


def _ask_both(duel: Duel, server: OurServer, nginx: Nginx, folder: Path, seconds: int) -> None:
    """One round of wrk, for what is newest now: segments do not stay for ever."""
    port = server.ports["hls"]
    segment = copy(port, folder)
    for what, path in (("playlist", PATH), ("segment", segment)):
        duel.ask(OURS, what, server.pid, port, path, seconds)
        duel.ask(NGINX, what, nginx.pid, nginx.port, path, seconds)


@contextmanager
def _players(port: int, count: int, *, is_static: bool = False) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "benchmarks.hls.players"]
    with running(pinned(load_core(), *command)) as players:
        _command(players, do="join", port=port, path=PATH, count=count, is_static=is_static)
        yield players


def _command(players: subprocess.Popen[str], **command: object) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(ask(players, json.dumps(command)))
    return answer


def _play(players: subprocess.Popen[str], pid: int, warm_s: float, seconds: float) -> Played:
    """Let players play; they begin to count behind `warm_s`, but for faults."""
    warm = _command(players, do="play", seconds=warm_s)
    used = run_seconds(pid)
    received = _command(players, do="play", seconds=seconds)
    used = run_seconds(pid) - used
    faults = _count_faults(warm, received)
    played = Played(received, faults, used)
    say(f"{played.cpu_us:.1f} us a listener, {played.core_percent:.1f} % of a core: {received}")
    return played


def _play_ours(
    players: subprocess.Popen[str], server: OurServer, seconds: tuple[float, float, float]
) -> Played:
    """The same, and watch the loop behind it, which costs something."""
    warm_s, play_s, watch_s = seconds
    played = _play(players, server.pid, warm_s, play_s)
    server.watch_turns()
    watched = _command(players, do="play", seconds=watch_s)
    turns = server.take_turns()
    faults = played.faults + _count_faults(watched)
    return Played(played.received, faults, played.used_s, turns)


def _count_faults(*windows: dict[str, Any]) -> int:
    for window in windows:
        for fault in window["worst_faults"]:
            say(f"fault: {fault}")
    return sum(int(window["faults"]) for window in windows)


def _row(server: str, played: Played) -> dict[str, object]:
    received, turns = played.received, played.turns
    return {
        "server": server,
        "load": f"{received['listeners']:,} listeners",
        "requests/s": round(received["requests_per_second"]),
        "us/request": round(played.request_us, 1),
        "us/listener": round(played.cpu_us, 1),
        "% of core": round(played.core_percent, 1),
        "answer p50 ms": received["answer_ms"]["p50"],
        "p99 ms": received["answer_ms"]["p99"],
        "max ms": received["answer_ms"]["max"],
        "late p99 ms": round(received["late_ms"]["p99"]) if turns else None,  # the copy is old
        "faults": played.faults,
        "turn p99 ms": turns.p99_ms if turns else None,
        "turn max ms": turns.max_ms if turns else None,
    }


def _figures(ours: Played) -> list[Figure]:
    assert ours.turns is not None
    return [
        Figure("cpu_us", "CPU per listener and second, in microseconds", ours.cpu_us, ""),
        *turn_figures(ours.turns.p99_ms, ours.turns.max_ms),
        Figure("faults", "answers that were wrong, late or missing", ours.faults, "", at_most=0),
    ]


if __name__ == "__main__":
    report.main(run)
