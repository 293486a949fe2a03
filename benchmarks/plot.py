"""The benchmarks as a picture: a panel of bars for each load, and what an operation costs. Plain SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from benchmarks.report import LOADS, OURS, Load, Results
from examples.asyncdemo.picture import GOOD, INK, MARK, PALE, bar, text

ROW, TOP, LEFT, PANEL, HEAD = 22, 20, 240, 420, 34  # pixels
WIDTH = LEFT + PANEL + 130
LINE = 180  # pixels high, the plot of costs
APART = 34  # pixels between two labels of it
DESCRIPTION = (
    "For each load a bar for each server, as long as its rate; channels_async's are green. "
    "Below, the processor time of an operation by the number of operations outstanding."
)


def picture(results: Results, names: dict[str, str], outstanding: Sequence[int]) -> str:
    """An SVG document."""
    y, parts = float(TOP), []
    for load in LOADS:
        if results.servers(load.name):
            parts += bars(results, load, names, y)
            y += HEAD + ROW * len(results.servers(load.name)) + 14
    costs = {number: results.median(f"waiting-{number}", OURS, "processor") for number in outstanding}
    measured = {number: cost for number, cost in costs.items() if cost is not None}
    if measured:
        parts += line(measured, y)
        y += HEAD + LINE + 40
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y:g}" width="{WIDTH}"'
            f' height="{y:g}" font-family="sans-serif" role="img">',
            "<title>How fast channels_async is, and what else there is</title>",
            f"<desc>{DESCRIPTION}</desc>",
            f'<rect width="{WIDTH}" height="{y:g}" fill="white"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def bars(results: Results, load: Load, names: dict[str, str], y: float) -> Iterator[str]:
    """The servers under one load, the fastest first."""
    measure = load.measures[0]
    rates = {name: results.median(load.name, name, measure) or 0 for name in results.servers(load.name)}
    most = max(rates.values()) or 1
    yield text(10, y + 16, load.title + (", MB/s" if measure == "megabytes" else ", a second"), bold=True)
    y += HEAD
    for name, rate in sorted(rates.items(), key=lambda pair: -pair[1]):
        own = names[name].startswith("channels_async")
        yield text(LEFT - 8, y + 12, names[name], anchor="end", bold=own)
        yield bar(LEFT, y, PANEL, PALE)
        yield bar(LEFT, y, PANEL * rate / most, GOOD if own else MARK)
        yield text(LEFT + PANEL + 8, y + 12, f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}")
        y += ROW


def line(costs: dict[int, float], y: float) -> Iterator[str]:
    """The cost of one operation by how many are outstanding: level, where the whole grows linearly."""
    yield text(10, y + 16, "processor time of an operation (µs) by operations outstanding", bold=True)
    y += HEAD
    most, widest = max(costs.values()) * 1.2, max(costs)
    points = [
        (LEFT + PANEL * number / widest, y + LINE * (1 - cost / most), number, cost)
        for number, cost in sorted(costs.items())
    ]
    yield f'<path d="M{LEFT} {y:g} V{y + LINE:g} H{LEFT + PANEL}" fill="none" stroke="{MARK}"/>'
    path = " L".join(f"{px:.1f} {py:.1f}" for px, py, _, _ in points)
    yield f'<path d="M{path}" fill="none" stroke="{GOOD}" stroke-width="2"/>'
    following = [px for px, _, _, _ in points[1:]] + [math.inf]
    for (px, py, number, cost), after in zip(points, following, strict=True):
        anchor = "middle" if after - px > APART else "end"
        yield f'<circle cx="{px:.1f}" cy="{py:.1f}" r="4" fill="{INK}"/>'
        yield text(px, py - 9, f"{cost:.0f}", anchor=anchor, size=11)
        yield text(px, y + LINE + 16, f"{number:,}", anchor=anchor, size=11)
