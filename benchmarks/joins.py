"""How fast listeners get in while others listen, ours and Icecast: `python -m benchmarks.joins`.

4,000 listen; 2,000 join, 256 of them at a time; then 5,000 more at once. A joiner has joined when it
has its first 4,000 bytes of audio.
"""

from contextlib import ExitStack
from typing import Any

from awazpulse.relay.pacing import Pacing

from . import report
from .fanout.stage import Group, Scene, stage, turn_figures
from .peers.icecast import icecast, is_installed
from .report import Figure, Report
from .server import our_server

_COLUMNS = (
    *("server", "listening", "joining", "at once", "joined", "per second"),
    *("first bytes p50 ms", "p99 ms", "gap max ms"),
)
_ICECAST_JOINS = 256  # few, because it takes 8 to 83 a second


def run(short: bool) -> Report:
    listening, joining, crowd = (1000, 1000, 1500) if short else (4000, 2000, 5000)
    notes = []
    with ExitStack() as stack:
        scene = stack.enter_context(stage())
        ours = scene.open_ours("awazpulse", stack.enter_context(our_server()))
        scene.put_on(ours)
        ours.join(listening)
        ours.watch_turns()
        rows = [_join(ours, joining, 256), _join(ours, crowd, crowd)]
        ours.take_turns()
        scene.load(do="leave", group=ours.name)
        if is_installed():
            theirs = scene.open_icecast("icecast2", stack.enter_context(icecast()))
            scene.put_on(theirs)
            theirs.join(listening)
            rows.append(_join(theirs, _ICECAST_JOINS, _ICECAST_JOINS, timeout_s=30))
        else:
            notes.append("icecast2 is not installed, so nothing was measured beside it")
    return Report(
        "joins",
        f"Joining a mount while {listening:,} listen, MP3 128 kbit/s",
        _COLUMNS,
        rows,
        [*_figures(*rows[:2]), *turn_figures(ours)],
        notes,
    )


def _figures(steady: dict[str, Any], at_once: dict[str, Any]) -> list[Figure]:
    """Judge our own two rows: those who join some at a time, and the crowd after them."""
    listeners = steady["listening"] + steady["joining"]
    most_ms = 2000 * Pacing().interval_s(listeners)
    crowd_most_ms = 2000 * Pacing().interval_s(listeners + at_once["joining"])
    failed = sum(row["joining"] - row["joined"] for row in (steady, at_once))
    return [
        Figure(
            "per_second",
            f"joins a second, {steady['at once']} at a time",
            steady["per second"],
            "/s",
            at_least=3000,
        ),
        Figure(
            "first_bytes_p99_ms",
            "to the first 4,000 bytes, p99",
            steady["p99 ms"],
            "ms",
            at_most=150,
        ),
        Figure("failed", "joins that failed", failed, "", at_most=0),
        Figure(
            "gap_max_ms",
            "the longest gap of those who listen",
            steady["gap max ms"],
            "ms",
            at_most=most_ms,
        ),
        Figure(
            "crowd_gap_max_ms",
            f"the same while {at_once['joining']:,} join at once",
            at_once["gap max ms"],
            "ms",
            at_most=crowd_most_ms,
        ),
    ]


def _join(group: Group, count: int, at_once: int, timeout_s: float = 90) -> dict[str, Any]:
    """Let listeners join a group of their own; return the table's row."""
    scene: Scene = group.scene
    scene.load(do="gaps", group=group.name)
    told = group.try_join(count, at_once, group=f"joiners {count}", timeout_s=timeout_s)
    group.listen(1.0)  # a gap that they made ends in it
    gaps = scene.load(do="gaps", group=group.name)
    return {
        "server": group.name,
        "listening": gaps["listeners"],
        "joining": count,
        "at once": at_once,
        "joined": told["joined"],
        "per second": told["per_second"],
        "first bytes p50 ms": told["first_bytes_ms"]["p50"],
        "p99 ms": told["first_bytes_ms"]["p99"],
        "gap max ms": gaps["gap_ms"]["max"],
    }


if __name__ == "__main__":
    report.main(run)
