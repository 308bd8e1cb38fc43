"""What ICY metadata and many mounts cost: `python -m benchmarks.mounts`.

4,000 listeners each, in interleaved rounds: of one mount, of one mount with ICY metadata, and of 200
mounts with 20 listeners each.

Where the kernel has put the sockets tells in this: fresh ones lie one behind the other as they joined,
which a lone mount sends to in just that order, and 200 mounts in strides. So the figures are taken
after half of the listeners have gone and others have come, twice; the long form tells the other, too.
"""

from contextlib import ExitStack

from . import report
from .fanout.stage import COLUMNS, Group, Scene, stage, turn_figures
from .report import Figure, Report
from .server import our_server

_FRESH_ROUNDS, _FRESH_SECONDS = 2, 4.0


def _play(scene: Scene, groups: list[Group], rounds: int, seconds: float) -> None:
    for _ in range(rounds):
        for group in groups:
            scene.play(group, seconds)


def run(short: bool) -> Report:
    mounts, rounds, seconds = (100, 3, 3.0) if short else (200, 3, 6.0)
    listeners = 20 * mounts
    fresh: list[float] = []
    with ExitStack() as stack:
        scene = stack.enter_context(stage())
        plain, icy, many = groups = [
            scene.open_ours("one mount", stack.enter_context(our_server())),
            scene.open_ours("one mount, ICY", stack.enter_context(our_server()), icy=True),
            scene.open_ours(f"{mounts} mounts", stack.enter_context(our_server(mounts))),
        ]
        for group in groups:
            group.join(listeners)
        if not short:
            _play(scene, [plain, many], _FRESH_ROUNDS, _FRESH_SECONDS)
            fresh = [many.cpu_us, plain.cpu_us]
        for group in groups:
            group.rounds.clear()
            group.renew(listeners // 2)
        _play(scene, groups, rounds, seconds)
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
            *(
                [
                    Figure(
                        "many_of_one_fresh",
                        "the same with sockets in the order in which they joined",
                        fresh[0] / fresh[1],
                        "x",
                    )
                ]
                if fresh
                else []
            ),
            Figure(
                "delay_p99_ms",
                # Without a target: the two other servers' bursts on the same core are in it.
                f"from a source's byte to a listener's, {mounts} mounts, p99",
                many.worst("delay_ms", "p99"),
                "ms",
            ),
            Figure("icy_blocks", "metadata blocks that were parsed", blocks, "", at_least=1),
            *turn_figures(*groups),
            Figure("lost", "listeners lost", sum(group.lost for group in groups), "", at_most=0),
        ],
    )


if __name__ == "__main__":
    report.main(run)
