"""CPU per RTMP publisher, ours beside nginx-rtmp and pyrtmp: `python -m benchmarks.rtmp_ingest`.

Each round publishes 20 OBS-like streams (see `rtmp/obs_like.py`) to each server in turn. Servers
run on the first core, publishers on the last. What is measured is the time that the server's
process was running (`/proc/PID/schedstat`), from the first byte of media to the last. `awazpulse` is
our RTMP port alone, as nginx-rtmp's without HLS; `awazpulse+hls` is the whole server, which packages
HLS besides. pyrtmp gets fewer publishers: it cannot take 20 on one core.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rtmp.talk import ANY_NAMES

PUBLISHERS = {"awazpulse": 20, "awazpulse+hls": 20, "nginx-rtmp": 20, "pyrtmp": 5}
_MODULES = {"awazpulse": "host", "awazpulse+hls": "whole_server", "pyrtmp": "pyrtmp_host"}
TARGET_RATIO = 2.0  # of nginx-rtmp's CPU
_STOP_SECONDS = 10
_NGINX_MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
_NGINX_CONFIG = """
load_module {module};
daemon off; master_process off; worker_processes 1; pid {directory}/pid; error_log stderr crit;
events {{ worker_connections 256; }}
rtmp {{ access_log off; server {{ listen 127.0.0.1:{port}; application live {{ live on; }} }} }}
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One server in one round."""

    server: str
    percent: float  # of a core per publisher
    frames: int | None  # received of all publishers, where the server can tell
    frames_sent: int
    late_ms: float


@dataclass(frozen=True, slots=True)
class Host:
    """A server that listens, and the names that it takes."""

    process: subprocess.Popen[str]
    port: int
    names: list[str]


def _pinned(core: int, *command: str) -> list[str]:
    return ["taskset", "-c", str(core), *command]


@contextmanager
def _run(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def _ask(process: subprocess.Popen[str], line: str | None = None) -> str:
    """Send a line, if any, and return the next that the process prints."""
    assert process.stdin is not None
    assert process.stdout is not None
    if line is not None:
        process.stdin.write(line + "\n")
        process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise SystemExit(f"{process.args!r} ended early")
    return answer.strip()


def _run_seconds(pid: int) -> float:
    """Return how long all threads of a process have run, in seconds."""
    files = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in files) / 1e9


@contextmanager
def _python_host(module: str, core: int) -> Iterator[Host]:
    with _run(_pinned(core, sys.executable, "-m", f"benchmarks.rtmp.{module}")) as process:
        told = json.loads(_ask(process))
        yield Host(process, told["port"], told["names"])


@contextmanager
def _nginx_host(core: int) -> Iterator[Host]:
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        port: int = chosen.getsockname()[1]
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory) / "nginx.conf"
        config.write_text(
            _NGINX_CONFIG.format(module=_NGINX_MODULE, directory=directory, port=port)
        )
        command = _pinned(core, "nginx", "-p", directory, "-c", str(config))
        with _run(command) as process:
            _wait_for_port(port)
            yield Host(process, port, ANY_NAMES)


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + _STOP_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _measure(server: str, seconds: float, cores: list[int]) -> Measured:
    """Publish to a fresh server, and return what that cost it."""
    count = PUBLISHERS[server]
    with ExitStack() as stack:
        module = _MODULES.get(server)
        host = stack.enter_context(
            _nginx_host(cores[0]) if module is None else _python_host(module, cores[0])
        )
        load = [sys.executable, "-m", "benchmarks.rtmp.publishers", str(host.port), str(count)]
        publishers = stack.enter_context(_run(_pinned(cores[-1], *load, str(seconds))))
        assert _ask(publishers, json.dumps(host.names)) == "ready"
        before, begin = _run_seconds(host.process.pid), time.monotonic()
        sent = json.loads(_ask(publishers, "go"))
        used, elapsed = _run_seconds(host.process.pid) - before, time.monotonic() - begin
        frames = None if module is None else int(_ask(host.process, "stop"))
        _ask_to_end(publishers)
    percent = 100 * used / elapsed / count
    return Measured(server, percent, frames, count * sent["frames"], sent["late_ms"])


def _ask_to_end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("end\n")
    process.stdin.flush()


def _summarise(rounds: list[Measured]) -> list[dict[str, object]]:
    """One row a server: the median of its rounds, and the ratio to nginx-rtmp's."""
    medians = {
        server: statistics.median(m.percent for m in rounds if m.server == server)
        for server in dict.fromkeys(m.server for m in rounds)
    }
    return [
        {
            "server": server,
            "publishers": PUBLISHERS[server],
            "percent_of_core_per_publisher": round(median, 3),
            "rounds": [round(m.percent, 3) for m in rounds if m.server == server],
            "ratio_to_nginx": round(median / medians["nginx-rtmp"], 2),
            "frames_sent": sum(m.frames_sent for m in rounds if m.server == server),
            "frames_received": _sum_frames([m.frames for m in rounds if m.server == server]),
            "late_ms": max(m.late_ms for m in rounds if m.server == server),
        }
        for server, median in medians.items()
    ]


def _sum_frames(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _print_table(rows: list[dict[str, object]]) -> None:
    print(f"{'server':14} {'publishers':>10} {'% core each':>12} {'x nginx':>8}  rounds")
    for row in rows:
        print(
            f"{row['server']:14} {row['publishers']:>10}"
            f" {row['percent_of_core_per_publisher']:>12} {row['ratio_to_nginx']:>8}"
            f"  {row['rounds']}"
        )


def _report(rounds: list[Measured], *, as_json: bool) -> int:
    rows = _summarise(rounds)
    ours = [row for row in rows if str(row["server"]).startswith("awazpulse")]
    is_reached = all(float(str(row["ratio_to_nginx"])) <= TARGET_RATIO for row in ours)
    is_whole = all(row["frames_received"] == row["frames_sent"] for row in ours)
    if as_json:
        print(json.dumps({"target_ratio": TARGET_RATIO, "reached": is_reached, "servers": rows}))
    else:
        _print_table(rows)
        for row in ours:
            print(
                f"{row['server']}: {row['frames_received']} of {row['frames_sent']} frames came out"
            )
        print(f"target: at most {TARGET_RATIO} x nginx-rtmp: {'yes' if is_reached else 'NO'}")
    return 0 if is_reached and is_whole else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8, help="of media, a round and server")
    parser.add_argument("--servers", nargs="+", choices=PUBLISHERS, default=list(PUBLISHERS))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if not _NGINX_MODULE.exists():
        raise SystemExit("nginx-rtmp is missing: apt-get install nginx libnginx-mod-rtmp")
    cores = sorted(os.sched_getaffinity(0))
    servers = list(dict.fromkeys([*arguments.servers, "nginx-rtmp"]))  # the measure of the others
    rounds = []
    for number in range(arguments.rounds):
        for server in servers:
            rounds.append(_measure(server, arguments.seconds, cores))
            print(
                f"round {number + 1} {server}: {rounds[-1].percent:.3f} %,"
                f" sends at most {rounds[-1].late_ms} ms late",
                file=sys.stderr,
            )
    return _report(rounds, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
