"""All benchmarks, one after the other: `python -m benchmarks [NAME ...]`.

Prints a table for each and writes `benchmarks/results/latest.json`. `--short` does less of each.
`--chart` draws `benchmarks/chart.svg` of what was measured. `--check` is the short form for CI: it fails
when a ratio is worse than the one in `baseline.json` by more than its tolerance, in each of three
runs, for a busy machine makes a single one worthless. `--baseline` writes that file anew.
"""

import argparse
import datetime as dt
import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

from . import machine
from .report import Report, say

BENCHMARKS = (
    *("fan_out", "mounts", "crowd", "few", "joins", "stalled", "outage"),
    *("hls_delivery", "rtmp_ingest", "api"),
)
CHECKED = ("fan_out", "mounts", "hls_delivery", "rtmp_ingest")
TRIES = 3
_FOLDER = Path(__file__).parent
_BASELINE = _FOLDER / "baseline.json"
_RESULTS = _FOLDER / "results" / "latest.json"

Ratios = dict[str, float]


def _load(name: str) -> Callable[[bool], Report]:
    run: Callable[[bool], Report] = importlib.import_module(f"benchmarks.{name}").run
    return run


def _measure(names: tuple[str, ...], *, short: bool) -> list[Report]:
    reports = []
    for name in names:
        say(f"-- {name}")
        report = _load(name)(short)
        if short:
            report = report.as_short()
        report.print()
        sys.stdout.flush()
        reports.append(report)
    return reports


def _describe(reports: list[Report]) -> dict[str, object]:
    today = dt.datetime.now(tz=dt.UTC).date().isoformat()
    return {
        "date": today,
        "machine": machine.describe(),
        "benchmarks": [report.to_json() for report in reports],
    }


def _check(names: tuple[str, ...]) -> bool:
    """Run the short form until all ratios are within their tolerance, `TRIES` times at most."""
    expected: dict[str, Ratios] = json.loads(_BASELINE.read_text())
    failed = [name for name in names if name in expected]
    for attempt in range(TRIES):
        reports = _measure(tuple(failed), short=True)
        faults = {report.name: report.find_losses(expected[report.name]) for report in reports}
        for name, lost in faults.items():
            for fault in lost:
                print(f"LOSS in {name}, run {attempt + 1} of {TRIES}: {fault}", flush=True)
        failed = [name for name, lost in faults.items() if lost]
        if not failed:
            return True
    return False


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--short", action="store_true", help="less of each")
    parser.add_argument("--chart", action="store_true", help="draw benchmarks/chart.svg")
    parser.add_argument("--check", action="store_true", help="the short form, held to the baseline")
    parser.add_argument("--baseline", action="store_true", help="write the baseline anew, short")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in BENCHMARKS]:
        parser.error(f"no such benchmark: {', '.join(unknown)}")
    if arguments.check:
        return 0 if _check(tuple(arguments.names) or CHECKED) else 1
    default = CHECKED if arguments.baseline else BENCHMARKS
    short = arguments.short or arguments.baseline
    reports = _measure(tuple(arguments.names) or default, short=short)
    results = _describe(reports)
    if arguments.baseline:
        ratios = {report.name: report.ratios() for report in reports}
        _BASELINE.write_text(json.dumps(ratios, indent=2) + "\n")
        return 0
    _RESULTS.parent.mkdir(exist_ok=True)
    _RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    if arguments.chart:
        from .chart import draw  # noqa: PLC0415  # matplotlib is slow to import

        draw(results, _FOLDER / "chart.svg")
    missed = [
        f"{r.name}: {figure}" for r in reports for figure in r.figures if not figure.is_reached
    ]
    print("\nnot reached:" if missed else "\nall reached")
    for line in missed:
        print(f"  {line}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
