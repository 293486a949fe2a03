"""The results as a picture: a row for each stage, a panel for each question. Plain SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator
from xml.sax.saxutils import escape

from .results import Result, seconds

GOOD, BAD, INK, PALE, MARK = "#2a7f62", "#c8553d", "#22303c", "#e6e9ec", "#9aa5af"
ROW, TOP, LEFT, PANEL, GAP = 44, 64, 110, 250, 50  # pixels
BAR = 16  # pixels high
TITLES = ["orders: served, failed", "p50 and p99 of the served", "notifications delivered"]


def picture(results: list[Result]) -> str:
    """An SVG document."""
    width = LEFT + len(TITLES) * (PANEL + GAP)
    height = TOP + ROW * len(results) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" font-family="sans-serif" role="img">',
        "<title>Five ways to tell everybody of an order, under the same load</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for number, title in enumerate(TITLES):
        parts.append(text(panel(number), 26, title, bold=True))
    parts.extend(scale())
    for number, result in enumerate(results):
        y = TOP + 8 + ROW * number
        parts.append(text(LEFT - 14, y + BAR - 3, result.stage, anchor="end", bold=True))
        parts.extend(orders(result, y, max(len(each.served) + each.failed for each in results)))
        parts.extend(percentiles(result, y))
        parts.extend(notifications(result, y))
    return "\n".join([*parts, "</svg>", ""])


def panel(number: int) -> float:
    """Where a panel begins."""
    return LEFT + number * (PANEL + GAP)


def orders(result: Result, y: float, most: int) -> Iterator[str]:
    """A bar of two parts, as long as there were orders."""
    x, served = panel(0), PANEL * len(result.served) / max(1, most)
    failed = PANEL * result.failed / max(1, most)
    yield bar(x, y, PANEL, PALE)
    yield bar(x, y, served, GOOD)
    yield bar(x + served, y, failed, BAD)
    yield text(x, y + BAR + 14, f"{len(result.served)} served, {result.failed} failed")


def percentiles(result: Result, y: float) -> Iterator[str]:
    """A line from p50 to p99, on a scale from 1 ms to 10 s on which each power of ten is as long."""
    x, p50, p99 = panel(1), result.percentile(50), result.percentile(99)
    yield bar(x, y + BAR / 2 - 1, PANEL, PALE, height=2)
    if p50 is None or p99 is None:
        yield text(x, y + BAR + 14, "none was served")
        return
    first, last = (x + PANEL * place_of(value) for value in (p50, p99))
    yield bar(first, y + BAR / 2 - 2, last - first, INK, height=4)
    for place in (first, last):
        yield f'<circle cx="{place:.1f}" cy="{y + BAR / 2:.1f}" r="5" fill="{INK}"/>'
    yield text(x, y + BAR + 14, f"{seconds(p50)}, {seconds(p99)}")


def scale() -> Iterator[str]:
    """What the places on that line mean."""
    for value, said in ((0.001, "1 ms"), (0.01, "10 ms"), (0.1, "100 ms"), (1.0, "1 s"), (10.0, "10 s")):
        x = panel(1) + PANEL * place_of(value)
        yield f'<path d="M{x:.1f} {TOP - 4} V{TOP + 4}" stroke="{MARK}"/>'
        yield text(x, TOP - 8, said, anchor="middle", size=10)


def place_of(value: float) -> float:
    """Of a duration in seconds, from 0 for 1 ms to 1 for 10 s."""
    return min(1.0, max(0.0, math.log10(value * 1000) / 4))


def notifications(result: Result, y: float) -> Iterator[str]:
    """A bar of which the delivered part is filled."""
    x, share = panel(2), min(1.0, result.delivered / max(1, result.due))
    yield bar(x, y, PANEL, BAD)
    yield bar(x, y, PANEL * share, GOOD)
    said = f"{result.delivered} of {result.due}"
    yield text(x, y + BAR + 14, f"{said}; {lost}" if (lost := workers_lost(result)) else said)


def workers_lost(result: Result) -> str:
    count = len(result.deaths)
    return f"{count} worker{'s' if count > 1 else ''} died" if count else ""


def bar(x: float, y: float, width: float, colour: str, height: float = BAR) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:g}" fill="{colour}"/>'


def text(
    x: float, y: float, words: str, *, anchor: str = "start", size: int = 13, bold: bool = False
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    place = f'x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}"'
    return f'<text {place} fill="{INK}"{weight}>{escape(words)}</text>'
