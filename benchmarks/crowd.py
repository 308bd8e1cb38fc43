"""19,000 listeners of one mount, on one core, in one process: `python -m benchmarks.crowd`."""

from awazpulse.relay.pacing import Pacing

from . import report
from .fanout.stage import COLUMNS, stage, turn_figures
from .machine import resident_mb
from .report import Figure, Report
from .server import our_server


def run(short: bool) -> Report:
    listeners, seconds = (5000, 4.0) if short else (19_000, 12.0)
    with stage() as scene, our_server() as server:
        ours = scene.open_ours("awazpulse", server)
        scene.put_on(ours)
        empty_mb = resident_mb(server.pid)
        ours.join(listeners)
        scene.play(ours, seconds)
        full_mb = resident_mb(server.pid)
    interval_ms = 1000 * Pacing().interval_s(listeners)
    per_listener = (full_mb - empty_mb) * 1e6 / listeners
    return Report(
        "crowd",
        f"{listeners:,} listeners in one process on one core, MP3 128 kbit/s",
        COLUMNS,
        [ours.row()],
        [
            Figure("lost", "listeners lost", ours.lost, "", at_most=0),
            Figure(
                "gap_max_ms",
                f"the longest gap (the interval is {interval_ms:g} ms)",
                ours.worst("gap_ms", "max"),
                "ms",
                at_most=2 * interval_ms,
            ),
            Figure("core_percent", "of the core", ours.core_percent, "%", at_most=70),
            Figure(
                "delay_p99_ms",
                "from the source's byte to the listener's, p99",
                ours.worst("delay_ms", "p99"),
                "ms",
                at_most=interval_ms + 20,
            ),
            Figure("resident_mb", "resident memory", full_mb, "MB", at_most=100),
            Figure("empty_mb", "of it before the first listener", empty_mb, "MB"),
            Figure("bytes_per_listener", "memory per listener, in bytes", per_listener, ""),
            *turn_figures(ours),
        ],
    )


if __name__ == "__main__":
    report.main(run)
