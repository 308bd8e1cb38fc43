"""CPU per listener, ours beside Icecast and a C loop: `python -m benchmarks.fan_out`.

4,000 listeners each, of one mount, in interleaved rounds. The C loop sends at the interval that ours
has at that number, and does nothing else: it is the floor.
"""

from contextlib import ExitStack

from awazpulse.relay.pacing import Pacing

from . import report
from .fanout.stage import COLUMNS, Group, stage, turn_figures
from .peers.floor import compiler, floor
from .peers.icecast import icecast, is_installed
from .report import Figure, Report
from .server import our_server

OURS, ICECAST, FLOOR = "awazpulse", "icecast2", "C floor"


def run(short: bool) -> Report:
    listeners, rounds, seconds = (2000, 3, 3.0) if short else (4000, 3, 6.0)
    notes = []
    with ExitStack() as stack:
        scene = stack.enter_context(stage())
        groups = [scene.open_ours(OURS, stack.enter_context(our_server()))]
        if is_installed():
            groups.append(scene.open_icecast(ICECAST, stack.enter_context(icecast())))
        else:
            notes.append("icecast2 is not installed, so nothing was measured beside it")
        if compiler():
            interval_ms = round(1000 * Pacing().interval_s(listeners))
            groups.append(scene.open_floor(FLOOR, stack.enter_context(floor(interval_ms))))
        else:
            notes.append("no C compiler, so there is no floor")
        for group in groups:
            scene.put_on(group)
            group.join(listeners)
        for _ in range(rounds):
            for group in groups:
                scene.play(group, seconds)
    return Report(
        "fan_out",
        f"CPU of the server per listener and second of audio, {listeners:,} listeners, MP3 128 kbit/s",
        COLUMNS,
        [group.row() for group in groups],
        _figures(groups[0], {group.name: group for group in groups[1:]}),
        notes,
    )


def _figures(ours: Group, peers: dict[str, Group]) -> list[Figure]:
    figures = []
    if ICECAST in peers:
        ratio = ours.cpu_us / peers[ICECAST].cpu_us
        text = "CPU per listener, of Icecast's"
        figures.append(Figure("of_icecast", text, ratio, "x", at_most=0.30, tolerance=1.3))
    if FLOOR in peers:
        ratio = ours.cpu_us / peers[FLOOR].cpu_us
        text = "CPU per listener, of the C floor's at the same interval"
        figures.append(Figure("of_floor", text, ratio, "x", at_most=1.15, tolerance=1.3))
    listeners = ours.rounds[0].received["listeners"]
    most = 1000 * Pacing().interval_s(listeners) + 20
    delay = ours.worst("delay_ms", "p99")
    return [
        *figures,
        Figure("delay_p99_ms", "from the source's byte to the listener's, p99", delay, "ms", most),
        *turn_figures(ours),
        Figure("lost", "listeners lost", ours.lost, "", at_most=0),
    ]


if __name__ == "__main__":
    report.main(run)
