"""What ICY metadata and many mounts cost: `python -m benchmarks.mounts`.

4,000 listeners each, in interleaved rounds: of one mount, of one mount with ICY metadata, and of 200
mounts with 20 listeners each.
"""

from contextlib import ExitStack

from . import report
from .fanout.stage import COLUMNS, stage, turn_figures
from .report import Figure, Report
from .server import our_server


def run(short: bool) -> Report:
    mounts, rounds, seconds = (100, 3, 3.0) if short else (200, 3, 6.0)
    listeners = 20 * mounts
    with ExitStack() as stack:
        scene = stack.enter_context(stage())
        plain, icy, many = groups = [
            scene.open_ours("one mount", stack.enter_context(our_server())),
            scene.open_ours("one mount, ICY", stack.enter_context(our_server()), icy=True),
            scene.open_ours(f"{mounts} mounts", stack.enter_context(our_server(mounts))),
        ]
        for group in groups:
            group.join(listeners)
        for _ in range(rounds):
            for group in groups:
                scene.play(group, seconds)
    blocks = sum(played.received["metadata_blocks"] for played in icy.rounds)
    return Report(
        "mounts",
        f"CPU of the server per listener and second of audio, {listeners:,} listeners, MP3 128 kbit/s",
        COLUMNS,
        [group.row() for group in groups],
        [
            Figure(
                "icy_of_plain",
                "CPU per ICY listener, of a plain one's",
                icy.cpu_us / plain.cpu_us,
                "x",
                at_most=1.1,
                tolerance=1.3,
            ),
            Figure(
                "many_of_one",
                f"CPU per listener of {mounts} mounts, of one mount's",
                many.cpu_us / plain.cpu_us,
                "x",
                at_most=1.3,
                tolerance=1.3,
            ),
            Figure("icy_blocks", "metadata blocks that were parsed", blocks, "", at_least=1),
            *turn_figures(*groups),
            Figure("lost", "listeners lost", sum(group.lost for group in groups), "", at_most=0),
        ],
    )


if __name__ == "__main__":
    report.main(run)
