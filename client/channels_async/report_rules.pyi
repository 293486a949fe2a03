from collections.abc import Mapping, Sequence
from typing import Any, Final

Report = Mapping[str, Any]

DEAD_AFTER: Final[float]
DEAD: Final[str]

def summary(
    reports: Sequence[Report],
    now: float,
    before: Sequence[Report] | None = ...,
    queue: Mapping[str, Any] | None = ...,
    recent: bool = ...,
) -> dict[str, Any]: ...
def is_dead(report: Report, now: float) -> bool: ...
def living(servers: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]: ...
def upper_bound(counts: Mapping[float, float], share: float) -> float | None: ...
def percentile(counts: Mapping[float, float], share: float) -> float | None: ...
