"""Whether a server could take a message now, and whether it is alive: read from its report (reporting.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: Seconds after which receiving that does not move counts as stuck. Idle, it moves every 5 s
#: (redis_claim.BLOCK_TIME); an exchange with a Redis that is silent is given up after 5 s more.
STILL: Final = 11.0

#: Seconds after which a report of another process says nothing any more; they come once a second.
OUTDATED: Final = 5.0


def obstacle(report: Mapping[str, Any], now: float) -> str | None:
    """Why this server could not take a message at `now` (epoch seconds); None if it could.

    It could if it is running, a place is free, and on one shard at least receiving goes on.
    """
    if now - _number(report.get("at")) > OUTDATED:
        return "no report: the process does not answer"
    if report.get("state") != "running":
        return f"{report.get('state')}: it takes no more messages"
    shards = [shard for shard in report.get("receiving") or () if isinstance(shard, Mapping)]
    if not any(shard.get("connected") for shard in shards):
        return "the channel layer cannot be reached"
    if not any(shard.get("connected") and _number(shard.get("still")) < STILL for shard in shards):
        return "receiving makes no progress"
    places = [report.get("places"), report.get("consumer_places")]
    if not any(_number(kind.get("free")) > 0 for kind in places if isinstance(kind, Mapping)):
        return "full: all places are taken"
    return None


def is_stuck(report: Mapping[str, Any]) -> bool:
    """Whether receiving stands still everywhere, which only a restart would mend.

    Not while the channel layer is away: receiving then moves from attempt to attempt.
    """
    shards = [shard for shard in report.get("receiving") or () if isinstance(shard, Mapping)]
    return bool(shards) and all(_number(shard.get("still")) >= STILL for shard in shards)


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else 0.0
