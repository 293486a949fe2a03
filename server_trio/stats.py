"""What one server has done: plain counters with one owner, read as a frozen snapshot."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .recent_errors import RecentErrors

#: Upper bounds of the histograms' classes, seconds; what took longer is in a last class of its own.
BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

#: Upstreams that are counted each by itself, those that were asked first; all others are OTHER. The
#: hosts may come out of users' input, and nothing that is counted is forgotten again.
MOST_HOSTS: Final = 100
OTHER: Final = "other"

#: Characters of a host that are kept; the DNS allows 253.
HOST_LENGTH: Final = 260

#: Outcomes that are nobody's failure.
QUIET: Final = frozenset(("ok", "shutdown", "client_gone"))


class Histogram:
    """Durations by class: counts[i] of those up to BOUNDS[i] and above BOUNDS[i-1]. Seconds."""

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.sum += seconds

    def plain(self) -> dict[str, Any]:
        """As reports carry it."""
        return {"counts": list(self.counts), "sum": self.sum}


class Upstreams:
    """Requests to upstreams by host and outcome, and the seconds until the heads of their answers."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[float]] = {}  # [how many, seconds]
        self._hosts: set[str] = set()

    def note(self, host: str, outcome: str, seconds: float) -> None:
        found = self._found.get((host, outcome))
        if found is None:
            found = self._known(host[:HOST_LENGTH], outcome)
        found[0] += 1
        found[1] += seconds

    def _known(self, host: str, outcome: str) -> list[float]:
        if host not in self._hosts:
            if len(self._hosts) < MOST_HOSTS:
                self._hosts.add(host)
            else:
                host = OTHER
        return self._found.setdefault((host, outcome), [0, 0.0])

    def plain(self) -> list[list[Any]]:
        """[host, outcome, how many, seconds] of each, as reports carry it."""
        return [[*what, int(number), seconds] for what, (number, seconds) in self._found.items()]


@dataclass(frozen=True, slots=True)
class Statistics:
    """A snapshot of a server's counters since its start."""

    in_flight: int  # operations claimed and not yet answered
    waiting: int  # of those in flight, operations that wait for their turn
    received: int  # messages taken from the channel of the operations, bad ones included
    bad_messages: int  # messages that were no operation
    finished: dict[tuple[str, str], int]  # operations by (name, outcome)
    replies_lost: int  # answers that could not be put on the layer in time
    bytes_out: int  # bytes of content in replies
    consuming: int  # messages of the project's own channels whose consumers are at work
    consumed: dict[tuple[str, str], int]  # such messages by (channel, outcome)
    durations: dict[str, Any] = field(default_factory=dict)  # from claim to answer: plain Histogram by name
    queue_waits: dict[str, Any] = field(default_factory=dict)  # from view to begin: as above


class Counters:
    """The counters behind `Statistics`. One object per server, changed from one thread only."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.waiting = 0
        self.received = 0
        self.bad_messages = 0
        self.finished: Counter[tuple[str, str]] = Counter()
        self.replies_lost = 0
        self.bytes_out = 0
        self.durations: dict[str, Histogram] = {}
        self.queue_waits: dict[str, Histogram] = {}
        self.errors = RecentErrors()

    def finish(self, operation: str, outcome: str, seconds: float, waited: float | None, size: int) -> None:
        """One operation has been answered, or never will be.

        `seconds`: since it was claimed. `waited`: from its view to its begin, None where that is not known.
        `size`: bytes of content in its reply.
        """
        self.finished[operation, outcome] += 1
        self.replies_lost += outcome == "reply_lost"
        self.bytes_out += size
        _of(self.durations, operation).observe(seconds)
        if waited is not None:
            _of(self.queue_waits, operation).observe(waited)

    def statistics(
        self, consuming: int = 0, consumed: Mapping[tuple[str, str], int] | None = None
    ) -> Statistics:
        """The counters as they are now, together with those of consumers."""
        return Statistics(
            in_flight=self.in_flight,
            waiting=self.waiting,
            received=self.received,
            bad_messages=self.bad_messages,
            finished=dict(self.finished),
            replies_lost=self.replies_lost,
            bytes_out=self.bytes_out,
            consuming=consuming,
            consumed=dict(consumed or {}),
            durations={name: found.plain() for name, found in self.durations.items()},
            queue_waits={name: found.plain() for name, found in self.queue_waits.items()},
        )


def _of(histograms: dict[str, Histogram], name: str) -> Histogram:
    found = histograms.get(name)
    if found is None:
        found = histograms[name] = Histogram()
    return found
