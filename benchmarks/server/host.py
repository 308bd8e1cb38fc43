"""Runs `awazpulse serve --json` with a watch on its loop: `python -m benchmarks.server.host SECONDS`.

SECONDS: how long a source may send nothing before silence stands in for it. The same call as the command's. After a line `watch` on standard input the loop is watched, until a line
`turns` is answered with what it was like; any other line ends the server.
"""

import asyncio
import json
import os
import signal
import sys
import time

import uvloop

from awazpulse import card
from awazpulse.app import Started, serve
from awazpulse.logs import start_logging
from awazpulse.relay import broadcast, life
from awazpulse.settings import Settings, load_settings

_PERIOD_S = 0.010
_MAX_SAMPLES = 1_000_000  # a few hours


class LoopWatch:
    """Sees how late a timer runs, from `begin` to `take`. Costs 0.3 % of a core meanwhile."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._late_s: list[float] = []
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Forget what was seen before, and watch."""
        self._stop()
        self._late_s = []
        self._plan()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _plan(self) -> None:
        self._due = time.monotonic() + _PERIOD_S
        self._timer = self._loop.call_later(_PERIOD_S, self._run)

    def _run(self) -> None:
        if len(self._late_s) < _MAX_SAMPLES:
            self._late_s.append(
                time.monotonic() - self._due
            )  # the loop's own clock counts milliseconds
        self._plan()

    def take(self) -> dict[str, float]:
        """End; return the lateness of the timer."""
        self._stop()
        late = sorted(self._late_s)
        at = [late[min(len(late) - 1, int(len(late) * q))] if late else 0.0 for q in (0.5, 0.99, 1)]
        names = ("p50_ms", "p99_ms", "max_ms")
        return {"count": len(late)} | {
            n: round(1000 * s, 2) for n, s in zip(names, at, strict=True)
        }


async def _serve(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    watch: list[LoopWatch] = []

    def listen_to_benchmark() -> None:
        line = sys.stdin.readline()
        if line.strip() == "watch":
            watch[0].begin()
        elif line.strip() == "turns":
            print(json.dumps(watch[0].take()), flush=True)
        else:
            loop.remove_reader(sys.stdin.fileno())
            os.kill(os.getpid(), signal.SIGTERM)

    def show(started: Started) -> None:
        facts = (started.urls, started.channels, started.credentials, started.owner)
        watch.append(LoopWatch(loop))
        loop.add_reader(sys.stdin.fileno(), listen_to_benchmark)
        print(json.dumps(card.describe(*facts)), flush=True)

    log = start_logging(settings.log_level)
    try:
        await serve(settings, show)
    finally:
        log.close_queue()


if __name__ == "__main__":
    for module in (broadcast, life):
        module.SILENCE_AFTER_S = float(sys.argv[1])  # type: ignore[attr-defined]
    uvloop.run(_serve(load_settings()))
