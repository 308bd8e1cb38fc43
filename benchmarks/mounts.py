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
    fresh_ratio = None
    with ExitStack() as stack:
        scene = stack.enter_context(stage())
        plain, icy, many = groups = [
            scene.open_ours("one mount", stack.enter_context(our_server())),
            scene.open_ours("one mount, ICY", stack.enter_context(our_server()), kind="icy"),
            scene.open_ours(f"{mounts} mounts", stack.enter_context(our_server(mounts))),
        ]
        for group in groups:
            group.join(listeners)
        if not short:
            _play(scene, [plain, many], _FRESH_ROUNDS, _FRESH_SECONDS)
            fresh_ratio = many.cpu_us / plain.cpu_us
        for group in groups:
            group.rounds.clear()
            group.renew(listeners // 2)
        _play(scene, groups, rounds, seconds)
    return Report(
        "mounts",
        f"CPU of the server per listener and second of audio, {listeners:,} listeners, MP3 128 kbit/s",
        COLUMNS,
        [group.row() for group in groups],
        _figures(plain, icy, many, fresh_ratio),
    )


def _figures(plain: Group, icy: Group, many: Group, fresh_ratio: float | None) -> list[Figure]:
    text = "CPU per ICY listener, of a plain one's"
    ratio = icy.cpu_us / plain.cpu_us
    figures = [Figure("icy_of_plain", text, ratio, "x", at_most=1.1, tolerance=1.3)]
    text = f"CPU per listener of {many.name}, of one mount's"
    ratio = many.cpu_us / plain.cpu_us
    figures.append(Figure("many_of_one", text, ratio, "x", at_most=1.3, tolerance=1.3))
    if fresh_ratio is not None:
        text = "the same with sockets in the order in which they joined"
        figures.append(Figure("many_of_one_fresh", text, fresh_ratio, "x"))
    # Without a target: the two other servers' bursts on the same core are in it.
    text = f"from a source's byte to a listener's, {many.name}, p99"
    figures.append(Figure("delay_p99_ms", text, many.worst("delay_ms", "p99"), "ms"))
    blocks = sum(played.received["metadata_blocks"] for played in icy.rounds)
    lost = plain.lost + icy.lost + many.lost
    return [
        *figures,
        Figure("icy_blocks", "metadata blocks that were parsed", blocks, "", at_least=1),
        *turn_figures(plain, icy, many),
        Figure("lost", "listeners lost", lost, "", at_most=0),
    ]


if __name__ == "__main__":
    report.main(run)
