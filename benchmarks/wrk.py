"""Debian's wrk: asks for one thing again and again, as fast as it is answered."""

import re
import shutil
import subprocess
import time
from dataclasses import dataclass

from benchmarks.machine import load_core, pinned, run_seconds

CONNECTIONS = 50
_REQUESTS = re.compile(r"(\d+) requests in")
_PER_SECOND = re.compile(r"Requests/sec:\s+([\d.]+)")


@dataclass(frozen=True, slots=True)
class Answered:
    """One run of it, and what that cost the server."""

    per_second: float
    core_percent: float  # of the server's core: far below 100 where wrk is the slower one
    cpu_us: float  # per request


def is_installed() -> bool:
    return shutil.which("wrk") is not None


def answered(
    pid: int,
    port: int,
    path: str,
    seconds: int,
    *,
    connections: int = CONNECTIONS,
    headers: tuple[str, ...] = (),
    niceness: int = 0,
) -> Answered:
    """Ask a server from the load's core. Raises SystemExit if not all answers are 200."""
    url = f"http://127.0.0.1:{port}{path}"
    nice = ["nice", "-n", str(niceness)] if niceness else []
    given = [part for header in headers for part in ("-H", header)]
    wanted = ["-t1", f"-c{connections}", f"-d{seconds}s", *given, url]
    command = pinned(load_core(), *nice, "wrk", *wanted)
    used, began = run_seconds(pid), time.monotonic()
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    used, elapsed = run_seconds(pid) - used, time.monotonic() - began
    requests, per_second = _REQUESTS.search(said), _PER_SECOND.search(said)
    if "Non-2xx" in said or "Socket errors" in said or requests is None or per_second is None:
        raise SystemExit(f"{path} was not always answered:\n{said}")
    return Answered(float(per_second[1]), 100 * used / elapsed, 1e6 * used / int(requests[1]))
