"""What a benchmark hands over: a table for people, and figures that it promises.

A benchmark is a module with `run(short: bool) -> Report` and ends with `report.main(run)`.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure that must hold.

    `unit`: "x" for a ratio, "ms", "MB", "%", "/s" or "" for a count. `tolerance`: by what factor
    it may be worse than in `baseline.json` before CI fails; None where machines differ too much.
    """

    name: str
    text: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    tolerance: float | None = None
    higher_is_better: bool = False

    @property
    def is_reached(self) -> bool:
        above = self.at_least is None or self.value >= self.at_least
        return above and (self.at_most is None or self.value <= self.at_most)

    def find_loss(self, baseline: float) -> str:
        """Return how this is worse than the baseline allows; empty when it is not."""
        if self.tolerance is None:
            return ""
        factor = baseline / self.value if self.higher_is_better else self.value / baseline
        if factor <= self.tolerance:
            return ""
        return f"{self.text}: {self.value:.3g}, {factor:.2f} times worse than {baseline:.3g}"

    def __str__(self) -> str:
        target = (
            f"at most {self.at_most:g}"
            if self.at_most is not None
            else f"at least {self.at_least:g}"
            if self.at_least is not None
            else ""
        )
        verdict = "" if not target else "yes" if self.is_reached else "NO"
        return f"{self.text:74} {self.value:>9.4g} {self.unit:3} {target:15} {verdict}"


def turn_figures(p99_ms: float, longest_ms: float) -> list[Figure]:
    """Return the promise that our event loop never stalls."""
    return [
        Figure("turn_p99_ms", "a turn of the event loop, p99", p99_ms, "ms", at_most=20),
        Figure("turn_max_ms", "the longest turn", longest_ms, "ms", at_most=60),
    ]


@dataclass(frozen=True, slots=True)
class Report:
    """One benchmark's outcome. `rows` have the keys of `columns`; values that are None print as '-'."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: list[dict[str, object]]
    figures: list[Figure]
    notes: list[str] = field(default_factory=list)  # what was left out, and why

    def as_short(self) -> "Report":
        """Return it without targets, which are for the full form."""
        figures = [replace(figure, at_most=None, at_least=None) for figure in self.figures]
        return replace(self, figures=figures)

    @property
    def is_reached(self) -> bool:
        return all(figure.is_reached for figure in self.figures)

    def ratios(self) -> dict[str, float]:
        """Return what a baseline holds of it."""
        return {f.name: round(f.value, 3) for f in self.figures if f.tolerance is not None}

    def find_losses(self, baseline: dict[str, float]) -> list[str]:
        """Return what is worse than the baseline allows, or was not measured."""
        figures = {figure.name: figure for figure in self.figures}
        losses = [
            figures[name].find_loss(value) if name in figures else f"{name} was not measured"
            for name, value in baseline.items()
        ]
        return [loss for loss in losses if loss]

    def to_json(self) -> dict[str, object]:
        facts = asdict(self)
        for figure, shown in zip(self.figures, facts["figures"], strict=True):
            shown["reached"] = figure.is_reached
        return facts

    def print(self) -> None:
        print(f"\n{self.title}\n")
        texts = [[_show(row.get(column)) for column in self.columns] for row in self.rows]
        widths = [
            max(len(column), *(len(text[at]) for text in texts), 1)
            for at, column in enumerate(self.columns)
        ]
        for line in (list(self.columns), *texts):
            first, *others = zip(line, widths, strict=True)
            print("  ".join([first[0].ljust(first[1]), *(t.rjust(w) for t, w in others)]))
        print()
        for figure in self.figures:
            print(figure)
        for note in self.notes:
            print(f"note: {note}")


def _show(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def say(text: str) -> None:
    """Tell how far it is, beside the results."""
    print(text, file=sys.stderr, flush=True)


def main(run: Callable[[bool], Report]) -> None:
    """Run one benchmark as a program; exit with 1 if a figure is not reached."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="less of each, in under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    arguments = parser.parse_args()
    report = run(arguments.short)
    if arguments.short:
        report = report.as_short()
    if arguments.json:
        print(json.dumps(report.to_json()))
    else:
        report.print()
    sys.exit(0 if report.is_reached else 1)
