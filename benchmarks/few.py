"""How soon some hundreds of listeners have what the source has sent: `python -m benchmarks.few`."""

from . import report
from .fanout.stage import COLUMNS, stage, turn_figures
from .report import Figure, Report
from .server import our_server

LISTENERS = 500


def run(short: bool) -> Report:
    with stage() as scene, our_server() as server:
        ours = scene.open_ours("awazpulse", server)
        scene.put_on(ours)
        ours.join(LISTENERS)
        scene.play(ours, 3.0 if short else 8.0)
    return Report(
        "few",
        f"{LISTENERS} listeners, MP3 128 kbit/s",
        COLUMNS,
        [ours.row()],
        [
            Figure(
                "delay_p99_ms",
                "from the source's byte to the listener's, p99",
                ours.worst("delay_ms", "p99"),
                "ms",
                at_most=120,
            ),
            *turn_figures(ours),
            Figure("lost", "listeners lost", ours.lost, "", at_most=0),
        ],
    )


if __name__ == "__main__":
    report.main(run)
