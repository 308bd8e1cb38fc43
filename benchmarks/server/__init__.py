"""Our whole server as benchmarks run it: `awazpulse serve` on an empty data folder, with channels."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.machine import ask, pinned, run_seconds, running, server_core, tell

# Groups that are not at work are kept on air by a frame every 3 s. Silence in between would be work, and its
# bytes are none that the listeners compare with.
SILENCE_AFTER_S = 10.0


@dataclass(frozen=True, slots=True)
class Turns:
    """How late a timer of 10 ms ran, in milliseconds: what anything else that was ready waited."""

    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True)
class OurServer:
    """A running server. `secrets`: per channel `bench0`, `bench1`, ... the credentials' JSON; `token`: their owner's."""

    process: subprocess.Popen[str]
    ports: dict[str, int]
    secrets: list[dict[str, dict[str, str]]]
    token: str

    @property
    def pid(self) -> int:
        return self.process.pid

    def watch_turns(self) -> None:
        """Begin to watch the loop."""
        tell(self.process, "watch")

    def take_turns(self) -> Turns:
        """End that; return what the loop was like meanwhile."""
        return Turns(**json.loads(ask(self.process, "turns")))

    def run_seconds(self) -> float:
        return run_seconds(self.pid)


@contextmanager
def our_server(
    channels: int = 1,
    stream_type: str = "icecast",
    *,
    silence_after_s: float = SILENCE_AFTER_S,
    **settings: object,
) -> Iterator[OurServer]:
    """Start it on the servers' core, on ports that the kernel chooses.

    `silence_after_s`: how long a source may send nothing before silence stands in for it.
    `settings` are those of the README, without the prefix and in lower case. The database is
    prepared by another process, so that what that takes is not in the server's memory.
    """
    with tempfile.TemporaryDirectory() as directory:
        ours = {
            "data_dir": directory,
            "bind": "127.0.0.1",
            "rtmp_port": 0,
            "icecast_port": 0,
            "hls_port": 0,
            "api_port": 0,
            "log_level": "warning",
            **settings,
        }
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("AWAZPULSE_")}
        env = inherited | {f"AWAZPULSE_{name.upper()}": str(value) for name, value in ours.items()}
        prepare = [sys.executable, "-m", "benchmarks.server.prepare", str(channels), stream_type]
        prepared = subprocess.run(prepare, env=env, check=True, stdout=subprocess.PIPE, text=True)
        host = [sys.executable, "-m", "benchmarks.server.host", str(silence_after_s)]
        with running(pinned(server_core(), *host), env) as process:
            card = json.loads(ask(process))
            made = json.loads(prepared.stdout)
            yield OurServer(process, card["ports"], made["secrets"], made["token"])
            tell(process, "end")
