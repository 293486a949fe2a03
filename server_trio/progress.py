"""What a report (reporting.py) says of its server: whether it makes progress, and how it does in one line.

Progress is not readiness. A server that is full, or whose Redis is away, cannot take a message now, and to
start it anew would mend nothing; one whose receiver hangs, or whose operations never end, does nothing ever
again. The parent of --processes and systemd's watchdog end that one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

#: Seconds for which a receiver may not move. Idle, it moves every 5 s; 15 s after its last move the layer has
#: reopened its connections (layers/redis_watchdog.py), so more than that is what nobody has thought of.
STILL: Final = 20.0

#: Seconds after its deadline until an operation that is not over never will be: its last word may take
#: REPLY_TIMEOUT, which is 60 at the most.
OVERDUE: Final = 90.0

CHANNELS_LENGTH: Final = 100  # characters of the channels in a line


def standstill(report: Mapping[str, Any], now: float) -> str | None:
    """Why this server makes no progress at `now` (epoch seconds); None if it does."""
    if report.get("state") == "running":
        for number, shard in enumerate(_mappings(report.get("receiving"))):
            still = _number(shard.get("still"))
            if still > STILL:
                return f"receiving from shard {number} stands still for {still:.0f} s"
    places, running = report.get("places"), list(_mappings(report.get("running")))
    if isinstance(places, Mapping) and running and _number(places.get("free")) <= 0:
        deadlines = [entry.get("deadline_at") for entry in running]
        late = [now - deadline if isinstance(deadline, float) else 0.0 for deadline in deadlines]
        if min(late) > OVERDUE:
            return f"all places are taken by operations that should have ended {min(late):.0f} s ago"
    return None


def in_one_line(reports: Sequence[Mapping[str, Any]]) -> str:
    """How a server, or the processes of one, are doing."""
    if not reports:
        return "starting"
    flying, waiting, consuming = (
        sum(int(_number(report.get(name))) for report in reports)
        for name in ("in_flight", "waiting", "consuming")
    )
    states = sorted({str(report.get("state")) for report in reports})
    channels = ", ".join(map(str, reports[0].get("channels") or ()))
    if len(channels) > CHANNELS_LENGTH:
        channels = channels[:CHANNELS_LENGTH] + "…"
    words = [f"{'/'.join(states)}: {flying} in flight"]
    words += [f"{waiting} waiting"] * (waiting > 0) + [f"{consuming} consuming"] * (consuming > 0)
    words += [f"channels {channels}"] * bool(channels)
    words += [f"{len(reports)} processes"] * (len(reports) > 1)
    return ", ".join(words)


def _mappings(value: object) -> Iterable[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else 0.0
