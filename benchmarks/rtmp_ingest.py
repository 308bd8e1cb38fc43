"""CPU per RTMP publisher, ours beside nginx-rtmp and pyrtmp: `python -m benchmarks.rtmp_ingest`.

Each round publishes 20 OBS-like streams (see `rtmp/obs_like.py`) to each server in turn. Servers
run on the first core, publishers on the last. What is measured is the time that the server's
process was running (`/proc/PID/schedstat`), from the first byte of media to the last, per second of media.
`awazpulse` is our RTMP port alone, as nginx-rtmp's without HLS; `awazpulse+hls` is the whole
server, which packages HLS besides. pyrtmp gets fewer publishers, for it cannot take 20 on one core, and
one round, for it is far from the others; it counts each stream's configuration as a frame, too.
"""

import importlib.util
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from . import report
from .machine import ask, load_core, pinned, run_seconds, running, server_core, tell
from .peers.nginx import has_rtmp, nginx_rtmp
from .report import Figure, Report, say
from .rtmp.talk import ANY_NAMES

OURS, WITH_HLS, NGINX, PYRTMP = "awazpulse", "awazpulse+hls", "nginx-rtmp", "pyrtmp"
_MODULES = {OURS: "host", WITH_HLS: "whole_server", PYRTMP: "pyrtmp_host"}
_PUBLISHERS, _PYRTMP_PUBLISHERS = 20, 5
_ROUNDS = 3
_SECONDS = 4  # whole keyframe intervals; longer in one round, and idle publishers would time out
_AT_MOST = 2.0  # of nginx-rtmp's CPU
_COLUMNS = (
    *("server", "publishers", "% of core each", "x nginx", "rounds"),
    *("frames sent", "frames received", "late ms"),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One round."""

    percent: float  # of a core per publisher, while it publishes
    frames_sent: int  # by all publishers
    late_ms: float  # the worst of what they sent


@dataclass(slots=True)
class Host:
    """A server that listens, the names that it takes, and its rounds."""

    server: str
    pid: int
    port: int
    names: list[str]
    process: subprocess.Popen[str] | None = None  # that counts frames
    rounds: list[Measured] = field(default_factory=list)
    frames_received: int | None = None

    @property
    def publishers(self) -> int:
        return _PYRTMP_PUBLISHERS if self.server == PYRTMP else _PUBLISHERS

    @property
    def percent(self) -> float:
        """The median of the rounds."""
        return statistics.median(measured.percent for measured in self.rounds)

    @property
    def frames_sent(self) -> int:
        return sum(measured.frames_sent for measured in self.rounds)

    def count_frames(self) -> None:
        """End it, if it counts, and keep what it has counted."""
        if self.process is not None:
            self.frames_received = int(ask(self.process, "stop"))

    def row(self, nginx: "Host | None") -> dict[str, object]:
        return {
            "server": self.server,
            "publishers": self.publishers,
            "% of core each": round(self.percent, 3),
            "x nginx": round(self.percent / nginx.percent, 2) if nginx else None,
            "rounds": " ".join(f"{measured.percent:.3f}" for measured in self.rounds),
            "frames sent": self.frames_sent,
            "frames received": self.frames_received,
            "late ms": max(measured.late_ms for measured in self.rounds),
        }


def run(short: bool) -> Report:
    notes = []
    with ExitStack() as stack:
        hosts = [stack.enter_context(_python_host(server)) for server in (OURS, WITH_HLS)]
        if has_rtmp():
            hosts.append(stack.enter_context(_nginx_host()))
        else:
            notes.append("nginx-rtmp is not installed, so nothing was measured beside it")
        for _ in range(_ROUNDS):
            _play(hosts)
        if short:
            notes.append("pyrtmp is measured in the full form only")
        elif importlib.util.find_spec("pyrtmp") is None:
            notes.append("pyrtmp is not installed, so it was not measured")
        else:
            hosts.append(stack.enter_context(_python_host(PYRTMP)))
            _play(hosts[-1:])
        for host in hosts:
            host.count_frames()
    by_name = {host.server: host for host in hosts}
    nginx = by_name.get(NGINX)
    return Report(
        "rtmp_ingest",
        f"CPU per RTMP publisher, {_PUBLISHERS} of them, 5 Mbit/s of video and AAC 160 kbit/s",
        _COLUMNS,
        [host.row(nginx) for host in hosts],
        _figures(by_name[OURS], by_name[WITH_HLS], nginx),
        notes,
    )


@contextmanager
def _python_host(server: str) -> Iterator[Host]:
    command = [sys.executable, "-m", f"benchmarks.rtmp.{_MODULES[server]}"]
    with running(pinned(server_core(), *command)) as process:
        told = json.loads(ask(process))
        yield Host(server, process.pid, told["port"], told["names"], process)


@contextmanager
def _nginx_host() -> Iterator[Host]:
    with nginx_rtmp() as nginx:
        yield Host(NGINX, nginx.pid, nginx.port, ANY_NAMES)


def _play(hosts: list[Host]) -> None:
    """Play a round: put all publishers on air together, which takes a while, and let them publish in turn."""
    with ExitStack() as stack:
        loads = [stack.enter_context(_publishers(host)) for host in hosts]
        for load, host in zip(loads, hosts, strict=True):
            tell(load, json.dumps(host.names))
        for load in loads:
            told = ask(load)
            assert told == "ready", told
        for load, host in zip(loads, hosts, strict=True):
            _measure(load, host)


@contextmanager
def _publishers(host: Host) -> Iterator[subprocess.Popen[str]]:
    numbers = [str(number) for number in (host.port, host.publishers, _SECONDS)]
    command = [sys.executable, "-m", "benchmarks.rtmp.publishers", *numbers]
    with running(pinned(load_core(), *command)) as process:
        yield process


def _measure(publishers: subprocess.Popen[str], host: Host) -> None:
    """Have one server's publishers publish, and keep what that cost it."""
    used = run_seconds(host.pid)
    sent = json.loads(ask(publishers, "go"))
    used = run_seconds(host.pid) - used
    tell(publishers, "end")
    percent = 100 * used / _SECONDS / host.publishers
    measured = Measured(percent, host.publishers * sent["frames"], sent["late_ms"])
    host.rounds.append(measured)
    say(f"{host.server}: {percent:.3f} % of a core each, sends at most {measured.late_ms} ms late")


def _figures(ours: Host, with_hls: Host, nginx: Host | None) -> list[Figure]:
    lost = sum(host.frames_sent - (host.frames_received or 0) for host in (ours, with_hls))
    figures = [Figure("frames_lost", "audio frames of ours that did not come out", lost, "", 0)]
    if nginx is None:
        return figures
    ratio, ratio_with_hls = ours.percent / nginx.percent, with_hls.percent / nginx.percent
    text = "CPU per publisher, of nginx-rtmp's"
    return [
        Figure("awazpulse_of_nginx", text, ratio, "x", _AT_MOST, tolerance=1.3),
        Figure("awazpulse_hls_of_nginx", f"{text}, with HLS", ratio_with_hls, "x", _AT_MOST),
        *figures,
    ]


if __name__ == "__main__":
    report.main(run)
