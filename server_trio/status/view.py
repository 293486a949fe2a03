"""Reports as people read them: a line that sums up, and tables of texts."""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from channels_async import __version__
from channels_async.report_bounds import bounded
from channels_async.report_rules import DEAD, is_dead, upper_bound

from ..readiness import obstacle
from ..stats import BOUNDS, QUIET

RUNNING_SHOWN: Final = 50  # operations, the oldest
ERRORS_SHOWN: Final = 100
UPSTREAMS_SHOWN: Final = 50
SERVERS_SHOWN: Final = 200
TEXT_LENGTH: Final = 300  # characters of one cell

Report = Mapping[str, Any]
Row = list[str]


class Table(NamedTuple):
    """One table of the page. `id` names it for the script."""

    id: str
    title: str
    columns: tuple[str, ...]
    empty: str  # what stands there without rows


TABLES: Final = (
    Table("running", "In flight", ("Operation", "Target", "Age", "Deadline in", "Process", "Id"),
          "nothing is in flight"),
    Table("operations", "Operations since the start",
          ("Operation", "In flight", "Answered", "Failed", "Median", "95 %", "Waited (median)"),
          "none yet"),
    Table("errors", "Errors of the last hour",
          ("Operation", "Target", "Outcome", "Count", "Last", "First", "Reason of the last"),
          "none"),
    Table("queues", "Queues of the site", ("Channel", "Messages", "Oldest"), "not known"),
    Table("upstreams", "Upstreams since the start",
          ("Host", "Outcome", "Requests", "Mean time to the answer"), "none was asked"),
    Table("servers", "Servers of the site",
          ("Host", "Pid", "State", "In flight", "Places free", "Answered", "Failed", "Up for", "Release"),
          "none is seen"),
)  # fmt: skip


def summary(reports: Sequence[Report], site: Sequence[Report], now: float) -> dict[str, Any]:
    """All that the page shows at one moment, but for the plots: plain values, JSON can carry them.

    `reports` are this server's own. Those of the site may come from anybody who can write to its Redis.
    """
    tables = {
        "running": _running(reports, now),
        "operations": _operations(reports),
        "errors": _errors(reports, now),
        "queues": _queues(reports),
        "upstreams": _upstreams(reports),
        "servers": _servers(site, now),
    }
    in_flight = sum(report.get("in_flight", 0) for report in reports)
    shown = len(tables["running"])
    return {
        "version": __version__,
        "now": now,
        "ready": any(obstacle(report, now) is None for report in reports),
        "headline": headline(reports, now),
        "tables": tables,
        "notes": {"running": f"the oldest {shown} of {in_flight}" if in_flight > shown else ""},
    }


def headline(reports: Sequence[Report], now: float) -> str:
    """How the server is, in a line."""
    if not reports:
        return "starting: no process has reported yet"
    obstacles = [found for report in reports if (found := obstacle(report, now)) is not None]
    state = "ready" if len(obstacles) < len(reports) else f"not ready ({obstacles[0]})"
    places = [report["places"] for report in reports if report.get("places")]
    free, total = sum(place["free"] for place in places), sum(place["total"] for place in places)
    words = [state, f"{sum(report.get('in_flight', 0) for report in reports)} in flight"]
    words.append(f"{max(0, free)} of {total} places free")
    if len(reports) > 1:
        words.append(f"{len(reports)} processes, {len(reports) - len(obstacles)} ready")
    return ", ".join(words)


def _running(reports: Sequence[Report], now: float) -> list[Row]:
    found = [(operation, report) for report in reports for operation in report.get("running", ())]
    found.sort(key=lambda pair: pair[0]["begun_at"])
    return [
        _row(
            operation["operation"], operation["target"], duration(now - operation["begun_at"]),
            "-" if operation["deadline_at"] is None else duration(operation["deadline_at"] - now),
            report.get("pid"), operation["id"],
        )
        for operation, report in found[:RUNNING_SHOWN]
    ]  # fmt: skip


def _operations(reports: Sequence[Report]) -> list[Row]:
    in_flight: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for report in reports:
        in_flight.update(report.get("in_flight_by_operation", {}))
        for operation, outcome, number in report.get("finished", ()):
            (answered if outcome in QUIET else failed)[operation] += number
    durations, waits = _classes(reports, "durations"), _classes(reports, "queue_waits")
    return [
        _row(
            name, in_flight[name], f"{answered[name]:,}", f"{failed[name]:,}",
            _percentile(durations[name], 0.5), _percentile(durations[name], 0.95),
            _percentile(waits[name], 0.5),
        )
        for name in sorted({*in_flight, *answered, *failed})
    ]  # fmt: skip


def _classes(reports: Sequence[Report], key: str) -> dict[str, list[int]]:
    sums: dict[str, list[int]] = defaultdict(lambda: [0] * (len(BOUNDS) + 1))
    for report in reports:
        for operation, found in report.get(key, {}).items():
            sums[operation] = [a + b for a, b in zip(sums[operation], found["counts"], strict=True)]
    return sums


def _errors(reports: Sequence[Report], now: float) -> list[Row]:
    found = [error for report in reports for error in report.get("errors", ())]
    found.sort(key=lambda error: -error["last_at"])
    return [
        _row(
            error["operation"], error["target"], error["outcome"], error["count"],
            f"{duration(now - error['last_at'])} ago", f"{duration(now - error['first_at'])} ago",
            error["reason"],
        )
        for error in found[:ERRORS_SHOWN]
    ]  # fmt: skip


def _queues(reports: Sequence[Report]) -> list[Row]:
    newest = max(reports, key=lambda report: report.get("at", 0.0), default={})
    return [
        _row(channel, f"{queue['length']:,}", duration(queue["oldest_age"]) if queue["length"] else "-")
        for channel, queue in sorted(newest.get("queues", {}).items())
    ]


def _upstreams(reports: Sequence[Report]) -> list[Row]:
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0.0])
    for report in reports:
        for host, outcome, number, seconds in report.get("upstreams", ()):
            found = sums[host, outcome]
            found[0] += number
            found[1] += seconds
    most = sorted(sums.items(), key=lambda item: -item[1][0])[:UPSTREAMS_SHOWN]
    return [
        _row(host, outcome, f"{int(number):,}", duration(seconds / number))
        for (host, outcome), (number, seconds) in most
    ]


def _servers(site: Iterable[Report], now: float) -> list[Row]:
    rows = []
    for found in site:
        report = bounded(found) or {}
        answered = failed = 0.0
        for _, outcome, number in report.get("finished", ()):
            answered += number
            failed += 0 if outcome in QUIET else number
        free = report.get("places", {}).get("free", 0)
        state = DEAD if is_dead(report, now) else report.get("state")
        rows.append(
            _row(
                report.get("host"), report.get("pid"), state, report.get("in_flight"),
                max(0, int(free)), f"{answered:,.0f}", f"{failed:,.0f}",
                duration(now - report.get("started_at", 0.0)), report.get("package"),
            )
        )  # fmt: skip
    return sorted(rows)[:SERVERS_SHOWN]


def _percentile(classes: Sequence[int], part: float) -> str:
    """What is known of it: the bound of its class, not where in that it lies."""
    if not any(classes):
        return "-"
    bound = upper_bound(dict(zip((*BOUNDS, math.inf), classes, strict=True)), part)
    return f"> {duration(BOUNDS[-1])}" if bound is None else f"< {duration(bound)}"


def duration(seconds: float) -> str:
    """As people write it."""
    if not math.isfinite(seconds) or seconds < 0:
        return "0 s" if seconds < 0 else "-"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172800 else f"{seconds / 86400:.0f} days"


def clock(now: float) -> str:
    """A time of day, UTC."""
    return time.strftime("%H:%M:%S UTC", time.gmtime(now))


def _row(*cells: object) -> Row:
    return ["" if cell is None else str(cell)[:TEXT_LENGTH] for cell in cells]
