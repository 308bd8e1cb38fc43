"""What a listener benchmark plays on: servers on one core, a source and listeners on the other.

    with stage() as scene, our_server() as server:
        ours = scene.open_ours("ours", server)
        ours.join(4000)
        print(scene.play(ours, seconds=5))

All servers of a scene hold their listeners at the same time; `play` puts one of them to work, so
rounds of several can be interleaved.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks import report
from benchmarks.machine import ask, load_core, pinned, run_seconds, running
from benchmarks.peers.floor import Floor
from benchmarks.peers.icecast import Icecast
from benchmarks.report import Figure, say
from benchmarks.server import OurServer

from .audio import BYTES_PER_SECOND
from .source import TIMES_BYTES

_REST_S = 1.5  # between one group's turn and another's, before anything is counted
_WATCH_S = 2.0  # for which the loop is watched, behind each round of ours
_RENEWALS = 2
_JOIN_TIMEOUT_S = 90.0
_CONNECTING_AT_ONCE = 4  # the backlog of Icecast's socket is 5, and who does not fit waits a second


@dataclass(frozen=True, slots=True)
class Played:
    """One round: what a group received, and what that cost its server.

    `cpu_us`: per listener and second of audio that it received.
    """

    received: dict[str, Any]
    cpu_us: float
    core_percent: float  # of one core


@dataclass(slots=True)
class Group:
    """The listeners of one server."""

    scene: "Scene"
    name: str
    pid: int
    port: int
    paths: list[str]
    first: int  # number of its first mount
    kind: str = "plain"
    ours: OurServer | None = None
    rounds: list[Played] = field(default_factory=list)
    turns_ms: list[tuple[float, float]] = field(default_factory=list)  # p99 and longest, if ours

    def join(self, count: int, group: str = "", receive_buffer: int = 0) -> None:
        """Add listeners, gently. Raises SystemExit if one of them does not get in."""
        told = self.try_join(
            count, count, _CONNECTING_AT_ONCE, group=group, receive_buffer=receive_buffer
        )
        if told["failed"]:
            raise SystemExit(f"{self.name}: {told['failed']} of {count} did not join: {told}")

    def try_join(
        self,
        count: int,
        at_once: int,
        connecting_at_once: int = 0,
        group: str = "",
        timeout_s: float = _JOIN_TIMEOUT_S,
        receive_buffer: int = 0,
    ) -> dict[str, Any]:
        """Add listeners, who may form a group of their own; tell how it went."""
        return self.scene.load(
            do="join",
            group=group or self.name,
            count=count,
            at_once=at_once,
            connecting_at_once=connecting_at_once or at_once,
            port=self.port,
            paths=self.paths,
            first=self.first,
            timeout_s=timeout_s,
            kind=self.kind,
            receive_buffer=receive_buffer,
        )

    def renew(self, count: int) -> None:
        """Let `count` listeners, chosen by chance, leave and as many come, some times over.

        So their sockets lie in memory as on a server that has been on air for a while, and no longer
        in the order in which they are sent to.
        """
        for _ in range(_RENEWALS):
            self.scene.load(do="leave", group=self.name, count=count)
            self.join(count)

    def listen(self, seconds: float) -> dict[str, Any]:
        """Let time pass; tell what the group received."""
        return self.scene.load(do="listen", group=self.name, seconds=seconds)

    def watch_turns(self) -> None:
        """Begin to watch the loop of our server."""
        if self.ours is not None:
            self.ours.watch_turns()

    def take_turns(self) -> None:
        """End that, and keep what was seen."""
        if self.ours is not None:
            turns = self.ours.take_turns()
            self.turns_ms.append((turns.p99_ms, turns.max_ms))

    @property
    def cpu_us(self) -> float:
        """The median of the rounds, per listener and second of audio."""
        return statistics.median(played.cpu_us for played in self.rounds)

    @property
    def core_percent(self) -> float:
        """The median of the rounds, of one core."""
        return statistics.median(played.core_percent for played in self.rounds)

    @property
    def longest_turn_ms(self) -> float | None:
        return max((longest for _, longest in self.turns_ms), default=None)

    @property
    def p99_turn_ms(self) -> float | None:
        return max((p99 for p99, _ in self.turns_ms), default=None)

    def worst(self, what: str, which: str) -> float:
        """Return the largest of the rounds, e.g. of `gap_ms` `max`."""
        return max(float(played.received[what][which]) for played in self.rounds)

    @property
    def lost(self) -> int:
        """How many listeners were disconnected, or received what they should not have."""
        return sum(played.received["lost"] for played in self.rounds)

    def row(self) -> dict[str, object]:
        """Return what a table shows of it."""
        received = self.rounds[-1].received
        return {
            "server": self.name,
            "listeners": received["listeners"],
            "CPU us": round(self.cpu_us, 1),
            "rounds": " ".join(f"{played.cpu_us:.1f}" for played in self.rounds),
            "% of core": round(self.core_percent, 1),
            "sends/s": received["pieces_per_second"],
            "delay p99 ms": round(self.worst("delay_ms", "p99")),
            "gap max ms": round(self.worst("gap_ms", "max")),
            "lost": self.lost,
            "turn p99 ms": self.p99_turn_ms,
            "turn max ms": self.longest_turn_ms,
        }


def turn_figures(*groups: Group) -> list[Figure]:
    """Return how long a turn of our loop took at most, of all groups."""
    return report.turn_figures(
        max(group.p99_turn_ms or 0.0 for group in groups),
        max(group.longest_turn_ms or 0.0 for group in groups),
    )


COLUMNS = (
    *("server", "listeners", "CPU us", "rounds", "% of core", "sends/s", "delay p99 ms"),
    *("gap max ms", "lost", "turn p99 ms", "turn max ms"),
)


class Scene:
    """One source process and one load process."""

    def __init__(self, source: subprocess.Popen[str], listeners: subprocess.Popen[str]) -> None:
        self._source = source
        self._listeners = listeners
        self._mounts = 0

    def open_ours(self, name: str, server: OurServer, *, kind: str = "plain") -> Group:
        """Put all of a server's channels on air; `kind` is that of its listeners (`listeners.KINDS`)."""
        logins = [
            (f"/bench{number}.mp3", secrets["icecast"]["password"])
            for number, secrets in enumerate(server.secrets)
        ]
        return self._open(name, server.pid, server.ports["icecast"], logins, kind=kind, ours=server)

    def open_icecast(self, name: str, server: Icecast) -> Group:
        """Put one mount on air."""
        return self._open(name, server.pid, server.port, [("/bench0.mp3", server.password)])

    def open_floor(self, name: str, server: Floor) -> Group:
        """Put its one mount on air."""
        return self._open(name, server.pid, server.port, [("/", "")])

    def _open(
        self,
        name: str,
        pid: int,
        port: int,
        logins: Sequence[tuple[str, str]],
        *,
        kind: str = "plain",
        ours: OurServer | None = None,
    ) -> Group:
        group = Group(self, name, pid, port, [path for path, _ in logins], self._mounts, kind, ours)
        self._mounts += len(logins)
        _command(self._source, do="open", port=port, first=group.first, mounts=logins)
        return group

    def load(self, **command: object) -> dict[str, Any]:
        """Have the listeners do something; see `listeners`."""
        return _command(self._listeners, **command)

    def put_on(self, group: Group) -> None:
        """Let this group's audio go on at its pace, and no other's."""
        _command(self._source, do="play", first=group.first)

    def cut(self, group: Group) -> None:
        """Close the connections of a group's sources."""
        _command(self._source, do="cut", first=group.first)

    def resume(self, group: Group) -> None:
        """Open them again; the audio goes on where it was, at its pace."""
        _command(self._source, do="resume", first=group.first)

    def play(self, group: Group, seconds: float) -> Played:
        """Play one round; it is kept in `group.rounds` too.

        The loop is watched behind the round and not within it: that would cost what a hundred
        listeners do.
        """
        self.put_on(group)
        group.listen(_REST_S)
        before = run_seconds(group.pid)
        received = group.listen(seconds)
        used = run_seconds(group.pid) - before
        audio_s = received["bytes_per_second"] * received["listeners"] / BYTES_PER_SECOND
        share = used / received["seconds"]
        played = Played(received, 1e6 * share / max(1.0, audio_s), 100 * share)
        group.rounds.append(played)
        if group.ours is not None:
            group.watch_turns()
            group.listen(_WATCH_S)
            group.take_turns()
        say(f"{group.name}: {played.cpu_us:.1f} us, {played.core_percent:.1f} % of a core")
        return played


def _command(process: subprocess.Popen[str], **command: object) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(ask(process, json.dumps(command)))
    return answer


@contextmanager
def stage() -> Iterator[Scene]:
    """Start a source and listeners on the load's core."""
    with tempfile.NamedTemporaryFile() as times, ExitStack() as stack:
        times.truncate(TIMES_BYTES)

        def start(module: str) -> subprocess.Popen[str]:
            command = [sys.executable, "-m", f"benchmarks.fanout.{module}", times.name]
            return stack.enter_context(running(pinned(load_core(), *command)))

        yield Scene(start("source"), start("listeners"))
