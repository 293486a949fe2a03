from collections.abc import Sequence

REPEATABLE: frozenset[str]
RETRIED_STATUSES: frozenset[int]
FIRST_PAUSE: float
LONGEST_PAUSE: float

def may_repeat(method: str, idempotent: bool) -> bool: ...
def pause(repetition: int, chance: float, left: float, retry_after: float | None = None) -> float | None: ...
def retry_after(headers: Sequence[tuple[bytes, bytes]], now: float) -> float | None: ...
