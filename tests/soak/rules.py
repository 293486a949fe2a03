"""What a fault may turn an answer into. All else is wrong. The rows are those of docs/guarantees.rst."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tests.soak.kinds import Kind

TIMEOUT: Final = 15.0  # seconds that an operation may take, by the site's settings
GRACE_TIME: Final = 5.0  # seconds that a server which is asked to end waits for its operations
DAPHNE_TIMEOUT: Final = 26  # seconds after which daphne answers 503 itself
LONGEST: Final = 25.0  # seconds of an answer that is not daphne's own

#: Seconds after its end for which a fault may still be felt: a death is seen after 3 s and more, what was
#: lost with it waits its turn.
FELT: Final = {"death": 12.0}
FELT_OTHERWISE: Final = 6.0


@dataclass(frozen=True)
class Fault:
    """Something that was done to the site. `kind` is one of RULES' or one that may change no answer."""

    kind: str
    begin: float  # monotonic, seconds
    end: float
    words: str

    def __str__(self) -> str:
        return f"{self.words} ({self.begin:.1f} to {self.end:.1f})"

    def reaches(self, asked_at: float, ended_at: float) -> bool:
        """Whether who asked and was answered at these times can have felt it."""
        felt_until = self.end + FELT.get(self.kind, FELT_OTHERWISE)
        return asked_at <= felt_until and (not ended_at or self.begin <= ended_at)


class Asked(Protocol):
    """An operation, as far as the rules look at it."""

    kind: Kind
    by: str
    asked_at: float
    ended_at: float
    has_left: bool
    is_doubtful: bool
    outcome: str

    @property
    def seconds(self) -> float: ...


@dataclass(frozen=True)
class Rule:
    """Operations that `concerns` finds may have one of `outcomes` if one of `faults` reached them."""

    faults: frozenset[str]
    concerns: Callable[[Asked], bool]
    outcomes: frozenset[str]


def _rule(faults: str, outcomes: str, concerns: Callable[[Asked], bool]) -> Rule:
    return Rule(frozenset(faults.split(", ")), concerns, frozenset(outcomes.split(", ")))


def by_browser(entry: Asked) -> bool:
    return entry.by == "browser"


def outlasts_grace(entry: Asked) -> bool:
    """It was so slow that a server which was asked to end need not have waited for it."""
    return entry.seconds >= GRACE_TIME


def was_out_of_time(entry: Asked) -> bool:
    return entry.seconds >= TIMEOUT - 1.0


RULES: Final = [
    # A server dies: what may not be repeated is lost, what had begun breaks off.
    _rule("death", "502", lambda entry: not entry.kind.is_repeatable),
    _rule("death", "cut", lambda entry: entry.kind.in_pieces),
    # It is asked to end.
    _rule("end", "503, cut", outlasts_grace),
    # More is asked than there are places for.
    _rule("flood", "503", lambda entry: entry.kind.operation == "CALL"),
    # What daphne or a worker of channels had in hand is lost with its connection or with it, and daphne
    # answers 503 after its timeout; pieces of an answer too. Views answer 503 for a Redis that is away.
    _rule("redis restart", "gave up, closed, 500, 503, cut, gaps", by_browser),
    _rule("no memory", "gave up, closed, 500, 503", by_browser),
    _rule("worker death", "gave up", by_browser),
]
#: So much of this at the same time, and it was perhaps twice with a server that died: given up, or too late.
TWICE: Final = frozenset({"502", "504"})


def may_be_late(entry: Asked, faults: Sequence[Fault]) -> bool:
    """Whether somebody has waited for what daphne or a worker had lost: a piece, or all of it."""
    if entry.outcome == "gave up":
        return True
    lossy = any(fault.kind == "redis restart" and fault.reaches(entry.asked_at, 0) for fault in faults)
    return lossy and by_browser(entry) and entry.outcome == "cut"


def is_explained(entry: Asked, faults: Sequence[Fault]) -> bool:
    """Whether the outcome of an operation is one that it may have had."""
    if entry.has_left or entry.is_doubtful:
        return not entry.outcome.startswith("wrong")
    if entry.outcome in entry.kind.expected:
        return True
    # What daphne gave up was lost long before.
    ended_at = entry.asked_at + TIMEOUT if entry.outcome == "gave up" else entry.ended_at
    felt = [fault for fault in faults if fault.reaches(entry.asked_at, ended_at)]
    kinds = {fault.kind for fault in felt}
    for rule in RULES:
        if kinds & rule.faults and rule.concerns(entry) and entry.outcome in rule.outcomes:
            return True
    if sum(fault.kind == "death" for fault in felt) > 1 and entry.outcome in TWICE:
        return True
    return bool(felt) and entry.outcome == "504" and was_out_of_time(entry)
