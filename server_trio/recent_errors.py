"""The errors of the last hour, those of one kind together: what an operator asks for first.

A kind is an operation, a target and an outcome. The targets may come out of users' input and the errors by
the thousand, so kinds are bounded, and of each only its minutes are kept.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

HOUR: Final = 3600.0  # seconds that an error is remembered
MINUTE: Final = 60.0  # seconds of errors that are counted together

#: Kinds that are kept; of more, the one that was last seen longest ago is forgotten.
MOST_KINDS: Final = 100

#: Characters of a target or a reason that are kept.
LENGTH: Final = 200


class _Kind:
    """Errors of one kind."""

    __slots__ = ("last_at", "minutes", "reason")

    def __init__(self) -> None:
        self.minutes: deque[list[float]] = deque()  # [time of the first, how many], oldest first
        self.last_at = 0.0
        self.reason = ""

    def note(self, reason: str, now: float) -> None:
        if not self.minutes or now - self.minutes[-1][0] >= MINUTE:
            self.minutes.append([now, 0])
            self.forget(now)
        self.minutes[-1][1] += 1
        self.last_at = now
        self.reason = reason

    def forget(self, now: float) -> None:
        """What is older than an hour."""
        while self.minutes and self.minutes[0][0] <= now - HOUR:
            self.minutes.popleft()


class RecentErrors:
    """Errors by kind. All times are epoch seconds."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str, str], _Kind] = {}  # the one that was seen last at the end

    def note(self, operation: str, target: str, outcome: str, reason: str, now: float) -> None:
        """`reason` and `target` hold no secret; what is too long is cut."""
        key = operation, target[:LENGTH], outcome
        kind = self._kinds.pop(key, None) or _Kind()
        if len(self._kinds) >= MOST_KINDS:
            del self._kinds[next(iter(self._kinds))]
        self._kinds[key] = kind
        kind.note(reason[:LENGTH], now)

    def plain(self, now: float) -> list[dict[str, Any]]:
        """As reports carry it; the kind that was seen last is the first."""
        for key, kind in list(self._kinds.items()):
            kind.forget(now)
            if not kind.minutes:
                del self._kinds[key]
        return [
            {
                "operation": operation,
                "target": target,
                "outcome": outcome,
                "count": int(sum(number for _, number in kind.minutes)),
                "first_at": kind.minutes[0][0],
                "last_at": kind.last_at,
                "reason": kind.reason,
            }
            for (operation, target, outcome), kind in reversed(self._kinds.items())
        ]
