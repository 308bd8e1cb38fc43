"""What a listener benchmark plays on: servers on one core, a source and listeners on the other.

    with stage() as scene, our_server() as server:
        ours = scene.open_ours("ours", server)
        ours.join(4000)
        print(scene.play(ours, seconds=5))

All servers of a scene hold their listeners at the same time; `play` puts one of them to work, so
rounds of several can be interleaved.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks.machine import ask, load_core, pinned, run_seconds, running
from benchmarks.peers.floor import Floor
from benchmarks.peers.icecast import Icecast
from benchmarks.server import OurServer

from .source import TIMES_BYTES

REST_S = 1.5  # between one group's turn and another's, before anything is counted
_CONNECTING_AT_ONCE = 4  # the backlog of Icecast's socket is 5, and who does not fit waits a second


@dataclass(frozen=True, slots=True)
class Played:
    """One round: what a group received, and what that cost its server."""

    group: str
    received: dict[str, Any]
    cpu_us: float  # of the server, per listener and second of audio
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
    icy: bool = False
    listeners: int = 0
    rounds: list[Played] = field(default_factory=list)

    def join(self, count: int) -> dict[str, Any]:
        """Add listeners, gently. Raises SystemExit if one of them does not get in."""
        told = self.try_join(count, count, _CONNECTING_AT_ONCE)
        if told["failed"]:
            raise SystemExit(f"{self.name}: {told['failed']} of {count} did not join: {told}")
        return told

    def try_join(
        self, count: int, at_once: int, connecting_at_once: int = 0, group: str = ""
    ) -> dict[str, Any]:
        """Add listeners, who may form a group of their own; tell how it went."""
        told = self.scene.load(
            do="join",
            group=group or self.name,
            count=count,
            at_once=at_once,
            connecting_at_once=connecting_at_once or at_once,
            port=self.port,
            paths=self.paths,
            first=self.first,
            icy=self.icy,
        )
        self.listeners += told["joined"]
        return told

    def median_cpu_us(self) -> float:
        ordered = sorted(played.cpu_us for played in self.rounds)
        return ordered[len(ordered) // 2] if len(ordered) % 2 else sum(ordered[len(ordered) // 2 - 1 :][:2]) / 2


class Scene:
    """One source process and one load process."""

    def __init__(self, source: subprocess.Popen[str], listeners: subprocess.Popen[str]) -> None:
        self._source = source
        self._listeners = listeners
        self._mounts = 0

    def open_ours(self, name: str, server: OurServer, *, icy: bool = False) -> Group:
        """Put all of a server's channels on air."""
        logins = [
            (f"/bench{number}.mp3", secrets["icecast"]["password"])
            for number, secrets in enumerate(server.secrets)
        ]
        return self._open(name, server.pid, server.ports["icecast"], logins, icy=icy)

    def open_icecast(self, name: str, server: Icecast) -> Group:
        """Put one mount on air."""
        return self._open(name, server.pid, server.port, [("/bench0.mp3", server.password)])

    def open_floor(self, name: str, server: Floor) -> Group:
        """Put its one mount on air."""
        return self._open(name, server.pid, server.port, [("/", "")])

    def _open(
        self, name: str, pid: int, port: int, logins: Sequence[tuple[str, str]], *, icy: bool = False
    ) -> Group:
        group = Group(self, name, pid, port, [path for path, _ in logins], self._mounts, icy)
        self._mounts += len(logins)
        _command(self._source, do="open", port=port, first=group.first, mounts=logins)
        return group

    def load(self, **command: object) -> dict[str, Any]:
        """Have the listeners do something; see `listeners`."""
        return _command(self._listeners, **command)

    def put_on(self, group: Group) -> None:
        """Let this group's audio go on at its pace, and no other's."""
        _command(self._source, do="play", first=group.first)

    def play(self, group: Group, seconds: float, rest: float = REST_S) -> Played:
        """Play one round; it is kept in `group.rounds` too."""
        self.put_on(group)
        self.load(do="listen", group=group.name, seconds=rest, rest=0)
        before = run_seconds(group.pid)
        received = self.load(do="listen", group=group.name, seconds=seconds, rest=0)
        used = run_seconds(group.pid) - before
        share = used / received["seconds"]
        played = Played(
            group.name, received, 1e6 * share / max(1, received["listeners"]), 100 * share
        )
        group.rounds.append(played)
        return played


def _command(process: subprocess.Popen[str], **command: object) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(ask(process, json.dumps(command)))
    return answer


@contextmanager
def stage() -> Iterator[Scene]:
    """Start a source and listeners on the load's core."""
    with tempfile.NamedTemporaryFile() as times, ExitStack() as stack:
        times.truncate(TIMES_BYTES)
        source, listeners = (
            stack.enter_context(
                running(
                    pinned(load_core(), sys.executable, "-m", f"benchmarks.fanout.{name}", times.name)
                )
            )
            for name in ("source", "listeners")
        )
        yield Scene(source, listeners)
