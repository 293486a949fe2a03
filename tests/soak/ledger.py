"""The ledger of a soak: what was asked, how it ended, and which of that no fault explains."""

from __future__ import annotations

import collections
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.soak.kinds import Kind, has_gaps, is_its_own
from tests.soak.rules import LONGEST, Fault, is_explained, may_be_late


@dataclass
class Entry:
    """One operation, of a browser or of a client that speaks to the channel layer itself."""

    number: int
    kind: Kind
    by: str  # "browser" or "layer"
    sent: bytes = b""  # its body
    asked_at: float = field(default_factory=time.monotonic)  # seconds
    ended_at: float = 0.0
    has_left: bool = False  # then there is one answer or a part of one, or none
    is_doubtful: bool = False  # Redis did not say whether it took the question
    outcome: str = "nothing"
    messages: list[dict[str, Any]] = field(default_factory=list)  # of the layer's client

    @property
    def seconds(self) -> float:
        return self.ended_at - self.asked_at

    @property
    def path(self) -> str:
        return self.kind.path.format(self.number)

    def __str__(self) -> str:
        what = f"#{self.number} {self.kind.operation} {self.kind.method} {self.path or self.kind.name}"
        took = f"{self.seconds:.1f} s" if self.ended_at else "never"
        return f"{what} of a {self.by}, asked at {self.asked_at:.1f}, ended after {took}"

    def judge(self, status: int, content: bytes) -> None:
        """A whole answer has come."""
        if status != 200:
            self.outcome = str(status)
        elif is_its_own(self.kind, self.number, self.sent, content):
            self.outcome = "right"
        elif has_gaps(self.kind, content):
            self.outcome = "gaps"
        else:
            self.outcome = f"wrong: {len(content)} bytes that begin with {content[:100]!r}"
        self.ended_at = time.monotonic()

    def judge_messages(self) -> None:
        """What has come as messages is an answer, at the end of all."""
        messages = self.messages
        if not messages:
            return
        starts = ["status" in message for message in messages]
        ends = [not message.get("more_content") for message in messages]
        contents = [message.get("content", b"") for message in messages]
        if starts != [True] + [False] * (len(messages) - 1):
            self.outcome = f"wrong: not one beginning: {_shown(messages)}"
        elif any(ends[:-1]):
            self.outcome = f"wrong: more after the end: {_shown(messages)}"
        elif not ends[-1]:
            self.outcome = "nothing after a beginning"
        elif any(not isinstance(content, bytes) for content in contents):
            self.outcome = "cut"
        else:
            ended_at = self.ended_at
            self.judge(messages[0]["status"], b"".join(contents))
            self.ended_at = ended_at


class Ledger:
    """All operations of a soak."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.unknown: list[str] = []  # reply channels that nobody had asked for
        self._lock = threading.Lock()

    def new(self, kind: Kind, by: str) -> Entry:
        """The next operation, with a number of its own."""
        with self._lock:
            entry = Entry(len(self.entries) + 1, kind, by)
            self.entries.append(entry)
        return entry

    def counts(self) -> dict[str, int]:
        """How many ended how, by operation."""
        found = collections.Counter(
            f"{entry.by} {entry.kind.operation} {entry.kind.method} "
            f"{'left' if entry.has_left else entry.outcome.partition(':')[0]}"
            for entry in self.entries
        )
        return dict(sorted(found.items()))

    def wrongs(self, posted: dict[str, int], faults: Sequence[Fault]) -> list[str]:
        """What is wrong, a line each. `posted`: how often each path reached the upstream by POST."""
        found = [f"an answer for {name}, which nobody had asked for" for name in self.unknown]
        for entry in self.entries:
            entry.judge_messages()
            if not is_explained(entry, faults):
                near = [str(fault) for fault in faults if fault.reaches(entry.asked_at, entry.ended_at)]
                found.append(f"{entry}: {entry.outcome}; at that time: {'; '.join(near) or 'no fault'}")
            elif entry.seconds > LONGEST and not may_be_late(entry, faults):
                found.append(f"{entry}: {entry.outcome}, but too late")
        found += [
            f"POST {path} reached the upstream {times} times" for path, times in posted.items() if times > 1
        ]
        return found


def _shown(messages: list[dict[str, Any]]) -> str:
    return str([{**message, "content": str(message.get("content"))[:80]} for message in messages])[:600]
