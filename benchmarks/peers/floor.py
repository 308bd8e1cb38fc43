"""The C floor, where there is a C compiler."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.machine import ask, pinned, running, server_core

_SOURCE = Path(__file__).with_name("floor.c")


@dataclass(frozen=True, slots=True)
class Floor:
    """A running floor; `port` takes its one source, and listeners."""

    pid: int
    port: int


@cache
def compiler() -> str | None:
    """Return the machine's C compiler, None where there is none."""
    return shutil.which("cc") or shutil.which("gcc")


@contextmanager
def floor(interval_ms: int) -> Iterator[Floor]:
    """Compile it and start it on the servers' core."""
    with tempfile.TemporaryDirectory() as directory:
        program = f"{directory}/floor"
        subprocess.run([compiler() or "cc", "-O2", "-o", program, str(_SOURCE)], check=True)
        with running(pinned(server_core(), program, str(interval_ms))) as process:
            yield Floor(process.pid, int(ask(process)))
