"""What the API costs those who listen: `python -m benchmarks.api`.

100 channels are on air with 1,000 listeners. They are watched while nothing else happens, while wrk asks for
what everybody may know and for what an owner may, as fast as it is answered, while 2,000 clients read
events, and while somebody tries passwords. Each row has the longest gap of a listener beside the quiet one's.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from . import report, wrk
from .fanout.stage import Group, stage, turn_figures
from .machine import ask, load_core, pinned, running
from .report import Figure, Report, say
from .server import OurServer, our_server

_COLUMNS = ("load", "per second", "CPU us", "p99 ms", "max ms", "listeners", "gap max ms", "lost")
_MOST_MORE_MS = 20.0  # than without the load
_CONNECTIONS = 16  # of wrk
_BEHIND_S = 1.0  # in which a gap that the load made ends
_NICENESS = 10  # of wrk: the listeners, on the same core, go first
_STORM = 20  # passwords tried at a time
_PUBLIC, _OWN = "/public/channels/bench0", "/streams/channel/bench0/active-type"


class _Stage:
    """A server with listeners, and clients of its API."""

    def __init__(self, group: Group, server: OurServer, clients: "subprocess.Popen[str]") -> None:
        self.group = group
        self._server = server
        self._clients = clients
        self.rows: list[dict[str, Any]] = []
        self.gaps_ms: dict[str, float] = {}

    def ask(self, **command: object) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(ask(self._clients, json.dumps(command)))
        return answer

    def watch(self, load: str, seconds: float, do: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Let listeners listen while `do` is done, which takes `seconds`; add the table's row.

        `do` returns what it measured, by the columns' names and others.
        """
        with ThreadPoolExecutor(1) as thread:
            heard = thread.submit(self.group.listen, seconds + _BEHIND_S)
            measured = do()
            received = heard.result()
        self.gaps_ms[load] = received["gap_ms"]["max"]
        row = dict.fromkeys(_COLUMNS) | {"load": load}
        row |= {name: value for name, value in measured.items() if name in _COLUMNS}
        row |= {"listeners": received["listeners"], "lost": received["lost"]}
        self.rows.append(row | {"gap max ms": round(self.gaps_ms[load])})
        say(f"{load}: {measured}, longest gap {self.gaps_ms[load]:.0f} ms")
        return measured

    def answer(self, load: str, path: str, seconds: int, *headers: str) -> float:
        """Have wrk ask; return how many answers a second there were."""

        def ask_for_it() -> dict[str, Any]:
            answered = wrk.answered(
                self._server.pid,
                self._server.ports["api"],
                path,
                seconds,
                connections=_CONNECTIONS,
                headers=headers,
                niceness=_NICENESS,
            )
            us = round(answered.cpu_us, 1)
            return {"per second": round(answered.per_second), "CPU us": us}

        return float(self.watch(load, seconds, ask_for_it)["per second"])


def run(short: bool) -> Report:
    channels, listeners, readers, seconds = (20, 200, 500, 3) if short else (100, 1000, 2000, 8)
    notes = []
    with ExitStack() as stack:
        scene = stack.enter_context(stage())
        server = stack.enter_context(our_server(channels))
        group = scene.open_ours("awazpulse", server)
        command = [sys.executable, "-m", "benchmarks.control.clients", str(server.ports["api"])]
        clients = stack.enter_context(running(pinned(load_core(), *command)))
        bench = _Stage(group, server, clients)
        scene.put_on(group)
        group.join(listeners)
        group.listen(2.0)
        group.watch_turns()
        # Most who read events have a player page open, all of the most popular channel; one in twenty owns it.
        paths = [*["/public/channels/bench0/events"] * 19, "/events"]
        bench.watch("nothing", seconds, dict)
        public = None
        if wrk.is_installed():
            public = bench.answer("what everybody may know", _PUBLIC, seconds)
            token = f"Authorization: Bearer {server.token}"
            bench.answer("what is on air, for the owner", _OWN, seconds, token)
        else:
            notes.append("wrk is not installed, so requests a second were not measured")
        bench.watch(
            "wrong passwords",
            seconds,
            lambda: bench.ask(do="logins", seconds=seconds, at_once=_STORM),
        )
        bench.watch(
            f"{readers:,} readers of events come",
            seconds,
            lambda: bench.ask(do="follow", count=readers, paths=paths, token=server.token),
        )
        events = bench.watch(
            f"{readers:,} are told an event a second",
            seconds,
            lambda: bench.ask(do="events", seconds=seconds, token=server.token, channel="bench0"),
        )
        group.take_turns()
    missing = events["told"] * readers - events["received"] + events["broken"]
    return Report(
        "api",
        f"The API while {listeners:,} listen to {channels} channels, MP3 128 kbit/s",
        _COLUMNS,
        bench.rows,
        [*_figures(bench, public, missing), *turn_figures(group)],
        notes,
    )


def _figures(bench: _Stage, public: float | None, missing: int) -> list[Figure]:
    quiet_ms = bench.gaps_ms.pop("nothing")
    figures = [
        Figure(
            f"more_{number}_ms",
            f"the longest gap, more than without: {load}",
            gap_ms - quiet_ms,
            "ms",
            at_most=_MOST_MORE_MS,
        )
        for number, (load, gap_ms) in enumerate(bench.gaps_ms.items())
    ]
    if public is not None:
        text = "what everybody may know, requests a second"
        figures.append(Figure("public", text, public, "/s", at_least=5000))
    lost = sum(row["lost"] for row in bench.rows)
    return [
        *figures,
        Figure("missing", "events that a reader did not get", missing, "", at_most=0),
        Figure("lost", "listeners lost", lost, "", at_most=0),
    ]


if __name__ == "__main__":
    report.main(run)
