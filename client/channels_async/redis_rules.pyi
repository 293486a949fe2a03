from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from channels_async.check_rules import Finding

class ShardFacts(NamedTuple):
    label: str
    version: Sequence[int]
    maxmemory: int | None
    policy: str | None
    ahead: float
    prefixes: Sequence[str]
    unreadable: int

def shard_findings(facts: ShardFacts) -> list[Finding]: ...
def serving_findings(
    channel: str, reports: Sequence[Mapping[str, Any]], waiting: int | None
) -> list[Finding]: ...
def clock_findings(reports: Sequence[Mapping[str, Any]], now: float) -> list[Finding]: ...
