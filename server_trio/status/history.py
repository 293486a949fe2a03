"""The last minutes of a server, a point a second: what the page's plots show. Kept in memory, and bounded."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..stats import BOUNDS, QUIET

INTERVAL: Final = 1.0  # seconds between two points
LENGTH: Final = 600  # points that are kept

#: One point: time (epoch seconds), answered and failed a second, about the median and the 95th percentile
#: of the durations since the point before (seconds, None where nothing was answered), operations in flight.
Point = tuple[float, float, float, float | None, float | None, int]


class History:
    """Points made of reports. A process that comes anew counts from its first report on."""

    def __init__(self) -> None:
        self._points: deque[Point] = deque(maxlen=LENGTH)
        self._totals: dict[object, tuple[int, int, list[int]]] = {}  # by report id: answered, failed, classes
        self._at = 0.0

    def add(self, reports: Sequence[Mapping[str, Any]], now: float) -> None:
        """Take the reports of one moment in."""
        totals = {report.get("id"): _totals(report) for report in reports}
        answered = failed = 0
        classes = [0] * (len(BOUNDS) + 1)
        for key, (all_now, failed_now, classes_now) in totals.items():
            before = self._totals.get(key)
            if before is not None:
                answered += all_now - before[0]
                failed += failed_now - before[1]
                changes = zip(classes_now, before[2], strict=True)
                classes = [
                    sum(pair) for pair in zip(classes, (new - old for new, old in changes), strict=True)
                ]
        seconds = max(now - self._at, 0.001)
        in_flight = sum(report.get("in_flight", 0) for report in reports)
        if self._at:
            median, slow = percentile(classes, 0.5), percentile(classes, 0.95)
            self._points.append((now, answered / seconds, failed / seconds, median, slow, in_flight))
        self._totals, self._at = totals, now

    def since(self, time: float) -> list[Point]:
        """The points after a time, the oldest first."""
        return [point for point in self._points if point[0] > time]


def percentile(classes: Sequence[int], part: float) -> float | None:
    """Seconds that `part` of the durations do not exceed, as near as the classes tell it; None without any.

    Within a class durations are taken as evenly spread; those beyond the last bound as just there.
    """
    wanted = part * sum(classes)
    if wanted <= 0:
        return None
    passed = 0.0
    for number, (low, high) in enumerate(itertools.pairwise((0.0, *BOUNDS))):
        if passed + classes[number] >= wanted:
            return low + (high - low) * (wanted - passed) / classes[number]
        passed += classes[number]
    return BOUNDS[-1]


def _totals(report: Mapping[str, Any]) -> tuple[int, int, list[int]]:
    finished = report.get("finished", ())
    answered = sum(number for _, _, number in finished)
    failed = sum(number for _, outcome, number in finished if outcome not in QUIET)
    return answered, failed, all_durations(report)


def all_durations(report: Mapping[str, Any]) -> list[int]:
    """The classes of all operations together."""
    kinds = [found["counts"] for found in report.get("durations", {}).values()]
    return [sum(column) for column in zip([0] * (len(BOUNDS) + 1), *kinds, strict=True)]
