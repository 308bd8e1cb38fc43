"""Listeners stay while their station's source is gone: `python -m benchmarks.outage`.

4,000 listeners of one mount; its source's connection is closed for 3 s and for 20 s. Each listener's frames
are checked one by one: all of the source's, in order, and silence between them.
"""

from contextlib import ExitStack
from typing import Any

from awazpulse.relay.life import SILENCE_AFTER_S

from . import report
from .fanout.outage_reader import MAX_MUTED_FRAMES
from .fanout.stage import Group, stage, turn_figures
from .report import Figure, Report, say
from .server import our_server

_BEFORE_S, _BEHIND_S = 4.0, 6.0
_PACING_S = 1.0  # between two sends to one listener, at most
_MAX_OFF_S = 0.5  # between the gap and what stood in for it


def run(short: bool) -> Report:
    listeners, gaps_s = (1000, (3.0,)) if short else (4000, (3.0, 20.0))
    with ExitStack() as stack:
        scene = stack.enter_context(stage())
        server = stack.enter_context(our_server(silence_after_s=SILENCE_AFTER_S))
        group = scene.open_ours("awazpulse", server, kind="outage")
        scene.put_on(group)
        group.join(listeners)
        group.listen(_BEFORE_S)
        group.watch_turns()
        told = [_lose_source(group, gap_s) for gap_s in gaps_s]
        group.take_turns()
    last = told[-1]
    stood_in_s = last["stand_in_s"]
    off_s = max(abs(stood_in_s[which] - sum(gaps_s)) for which in ("p50", "max"))
    return Report(
        "outage",
        f"{listeners:,} listeners while the source is gone, MP3 128 kbit/s",
        ("gap s", "listeners", "stood in s", "muted frames", "longest pause ms", "lost"),
        [
            {
                "gap s": gap_s,
                "listeners": entry["listeners"],
                "stood in s": round(entry["stand_in_s"]["p50"], 2),
                "muted frames": entry["muted"],
                "longest pause ms": round(entry["gap_ms"]["max"]),
                "lost": entry["lost"],
            }
            for gap_s, entry in zip(gaps_s, told, strict=True)
        ],
        [
            Figure("lost", "listeners lost, or sent a wrong frame", last["lost"], "", at_most=0),
            Figure(
                "pause_max_ms",
                "the longest pause of a listener",
                max(entry["gap_ms"]["max"] for entry in told),
                "ms",
                at_most=1000 * (SILENCE_AFTER_S + 2 * _PACING_S),
            ),
            Figure(
                "off_s",
                "between the gaps and what stood in for them",
                off_s,
                "s",
                at_most=_MAX_OFF_S * len(gaps_s),
            ),
            Figure(
                "muted",
                "frames of the source muted, of one listener",
                last["muted"],
                "",
                at_most=MAX_MUTED_FRAMES * len(gaps_s),
            ),
            *turn_figures(group),
        ],
    )


def _lose_source(group: Group, gap_s: float) -> dict[str, Any]:
    """Close the source's connection for so long; tell what the listeners received until well behind it."""
    group.scene.cut(group)
    during = group.listen(gap_s)
    group.scene.resume(group)
    behind = group.listen(_BEHIND_S)
    pause_ms = max(during["gap_ms"]["max"], behind["gap_ms"]["max"])
    say(f"gone for {gap_s:g} s: {behind['stand_in_s']}, lost {behind['lost']} {behind['faults']}")
    return {**behind, "gap_ms": {"max": pause_ms}, "lost": during["lost"] + behind["lost"]}


if __name__ == "__main__":
    report.main(run)
