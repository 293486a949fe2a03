"""What one server has done: plain counters with one owner, read as a frozen snapshot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


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
        )
