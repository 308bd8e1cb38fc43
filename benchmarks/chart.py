"""Draws what the fan-out costs: a bar for each server, from the figures of one run."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

_OURS, _PEER, _INK = "#2a78b5", "#9aa5b1", "#57606a"  # legible on white and on dark pages
_BARS = (
    # benchmark, server in its table, label, colour
    ("fan_out", "icecast2", "Icecast 2.4, 4,000 listeners", _PEER),
    ("fan_out", "awazpulse", "AwazPulse, 4,000", _OURS),
    ("mounts", "one mount, ICY", "AwazPulse, 4,000 with ICY titles", _OURS),
    ("mounts", "200 mounts", "AwazPulse, 200 mounts of 20", _OURS),
    ("crowd", "awazpulse", "AwazPulse, 19,000", _OURS),
    ("fan_out", "C floor", "a C loop of send(), 4,000", _PEER),
)


def draw(results: dict[str, Any], path: Path) -> None:
    """Write the chart. `results` is what the suite writes as JSON; what is not in it is left out."""
    rows = {
        (benchmark["name"], row["server"]): row["CPU us"]
        for benchmark in results["benchmarks"]
        for row in benchmark["rows"]
        if "CPU us" in row
    }
    bars = [
        (label, rows[name, server], colour)
        for name, server, label, colour in _BARS
        if (name, server) in rows
    ]
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "awazpulse", "font.size": 10})
    figure = Figure(figsize=(7.6, 0.42 * len(bars) + 1.1), layout="constrained")
    axes = figure.add_subplot()
    labels, values, colours = zip(*bars, strict=True)
    drawn = axes.barh(labels, values, color=colours, height=0.66)
    axes.bar_label(drawn, fmt=" %.1f", color=_INK)
    axes.invert_yaxis()
    axes.margins(x=0.08)
    axes.tick_params(colors=_INK, length=0)
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    title = "CPU of the server per listener and second of MP3 at 128 kbit/s, microseconds"
    figure.suptitle(title, color=_INK, fontsize=10, x=0.01, ha="left")
    machine = results["machine"]
    caption = (
        f"{results['date']}, {machine['processor']}, one core for the server, Linux"
        f" {machine['kernel']}, Python {machine['python']}"
    )
    figure.supxlabel(caption, color=_INK, fontsize=8, x=0.01, ha="left")
    figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})
