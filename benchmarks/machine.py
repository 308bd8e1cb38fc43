"""The machine as benchmarks see it: cores, processes pinned to them, and what these have used."""

import os
import platform
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

STOP_SECONDS = 10


def server_core() -> int:
    """The core that servers run on."""
    return min(os.sched_getaffinity(0))


def load_core() -> int:
    """The core that everything else runs on; the servers' own where there is no other."""
    return max(os.sched_getaffinity(0))


def pinned(core: int, *command: str) -> list[str]:
    """Return a command that runs on one core."""
    return ["taskset", "-c", str(core), *command]


def describe() -> dict[str, object]:
    """Return what figures depend on: processor, cores, kernel, Python."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release().partition("-")[0],
        "python": platform.python_version(),
    }


@contextmanager
def running(
    command: list[str], env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a program that talks in lines, and end it."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def tell(process: subprocess.Popen[str], line: str) -> None:
    """Send a line."""
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def ask(process: subprocess.Popen[str], line: str | None = None) -> str:
    """Send a line, if any, and return the next that the process prints."""
    assert process.stdout is not None
    if line is not None:
        tell(process, line)
    answer = process.stdout.readline()
    if not answer:
        raise SystemExit(f"{process.args!r} ended early")
    return answer.strip()


def run_seconds(pid: int) -> float:
    """Return how long all threads of a process have run so far, kernel time included."""
    files = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in files) / 1e9


def resident_mb(pid: int) -> float:
    """Return a process's resident memory in megabytes of a million bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024 / 1e6


def free_port() -> int:
    """Return a port for a server that cannot be told to choose one itself."""
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        port: int = chosen.getsockname()[1]
    return port


def wait_for_port(port: int) -> None:
    """Wait until somebody listens. Raises ConnectionRefusedError after `STOP_SECONDS`."""
    deadline = time.monotonic() + STOP_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
