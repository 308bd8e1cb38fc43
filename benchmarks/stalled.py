"""What listeners who stop reading cost the others: `python -m benchmarks.stalled`.

4,000 listeners of two servers each; on one of them 10 % have stopped reading, and what the kernel keeps
for them is full. Interleaved rounds of both. Until it is full those who have stopped cost as much as the
others, and more where the kernel's memory has to grow for them.
"""

from contextlib import ExitStack

from . import report
from .fanout.stage import COLUMNS, stage, turn_figures
from .report import Figure, Report
from .server import our_server

_DEAF = "deaf"
_FILL_S = 20.0  # until the kernel takes no more for one that does not read, at 128 kbit/s
_RECEIVE_BUFFER = 16_384  # of those; with the kernel's own choice that would take 50 s


def run(short: bool) -> Report:
    listeners, rounds, seconds = (1000, 1, 3.0) if short else (4000, 2, 4.0)
    with ExitStack() as stack:
        scene = stack.enter_context(stage())
        healthy = scene.open_ours("all read", stack.enter_context(our_server()))
        stalled = scene.open_ours("10 % do not", stack.enter_context(our_server()))
        healthy.join(listeners)
        scene.put_on(stalled)
        stalled.join(listeners - listeners // 10)
        stalled.join(listeners // 10, _DEAF, _RECEIVE_BUFFER)
        scene.load(do="stop_reading", group=_DEAF)
        filling = stalled.listen(_FILL_S)
        for _ in range(rounds):
            for group in (stalled, healthy):
                scene.play(group, seconds)
    gap_ms = max(stalled.worst("gap_ms", "max"), filling["gap_ms"]["max"])
    interval_ms = 1000 / max(0.001, healthy.rounds[-1].received["pieces_per_second"])
    return Report(
        "stalled",
        f"10 % of {listeners:,} listeners stop reading, MP3 128 kbit/s",
        COLUMNS,
        [healthy.row(), stalled.row()],
        [
            Figure(
                "of_healthy",
                "CPU per listener that reads, of one's where all read",
                stalled.cpu_us / healthy.cpu_us,
                "x",
                at_most=1.1,
                tolerance=1.3,
            ),
            Figure(
                "gap_max_ms",
                f"the longest gap of those who read (the interval is {interval_ms:.0f} ms)",
                gap_ms,
                "ms",
                at_most=2 * interval_ms,
            ),
            *turn_figures(stalled),
            Figure("lost", "of those who read, lost", stalled.lost, "", at_most=0),
        ],
    )


if __name__ == "__main__":
    report.main(run)
