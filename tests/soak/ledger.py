"""The ledger of a soak: what was asked, what came back, and what may not be said of that at the end."""

from __future__ import annotations

import collections
import json
from dataclasses import dataclass, field
from typing import Any

#: What an answer may be where servers die, upstreams break and Redis is away.
FAILURES = (502, 503, 504)


@dataclass
class Entry:
    """One operation. `path` at the upstream; `number` is what its answer must hold, if it holds any."""

    number: int
    operation: str
    method: str
    path: str
    sent_at: float  # monotonic, seconds
    echoes: bool  # a 200 has the number in it
    has_left: bool = False  # the browser: then there is one answer, or none
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_answered(self) -> bool:
        return any(not message.get("more_content") for message in self.messages)

    @property
    def status(self) -> int | None:
        return self.messages[0].get("status") if self.messages else None

    def __str__(self) -> str:
        return f"#{self.number} {self.operation} {self.method} {self.path}"


class Ledger:
    """All operations of a soak, by the name of their reply channel."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.unknown: list[str] = []  # reply channels that nobody had asked for
        self._open: set[str] = set()

    @property
    def outstanding(self) -> int:
        return len(self._open)

    def waiting(self) -> list[str]:
        """Names of those who wait for an answer."""
        return list(self._open)

    def asked(self, name: str, entry: Entry) -> None:
        self.entries[name] = entry
        self._open.add(name)

    def left(self, name: str) -> None:
        """The browser has gone."""
        self.entries[name].has_left = True
        self._open.discard(name)

    def answered(self, name: str, message: dict[str, Any]) -> None:
        """A message has come for `name`."""
        entry = self.entries.get(name)
        if entry is None:
            self.unknown.append(name)
            return
        entry.messages.append(message)
        if not message.get("more_content"):
            self._open.discard(name)

    def counts(self) -> dict[str, int]:
        """How many answers of each status, by operation."""
        found = collections.Counter(
            f"{entry.operation} {entry.method} {entry.status}" for entry in self.entries.values()
        )
        return dict(sorted(found.items()))

    def faults(self, posted: dict[str, int]) -> list[str]:
        """What is wrong, a line each. `posted`: how often each path reached the upstream by POST."""
        found = [f"an answer for {name}, which nobody had asked for" for name in self.unknown]
        for entry in self.entries.values():
            found += [f"{entry}: {fault}" for fault in _faults(entry)]
        found += [
            f"POST {path} reached the upstream {times} times" for path, times in posted.items() if times > 1
        ]
        return found


def _faults(entry: Entry) -> list[str]:
    messages = entry.messages
    if not messages:
        return [] if entry.has_left else ["no answer"]
    found = []
    if ["status" in message for message in messages] != [True] + [False] * (len(messages) - 1):
        found.append(f"not one beginning: {_shown(messages)}")
    ends = [not message.get("more_content") for message in messages]
    if any(ends[:-1]) or not (ends[-1] or entry.has_left):
        found.append(f"not one end: {_shown(messages)}")
    status = entry.status
    if status != 200 and status not in FAILURES:
        found.append(f"status {status}: {_shown(messages)}")
    is_cut = any(not isinstance(message.get("content", b""), bytes) for message in messages)
    if status == 200 and entry.echoes and ends[-1] and not is_cut and not _is_its_own(entry):
        found.append(f"an answer that is not its own: {_shown(messages)}")
    return found


def _is_its_own(entry: Entry) -> bool:
    content = b"".join(message.get("content", b"") for message in entry.messages)
    if entry.operation in ("REQUEST", "FORWARD"):
        target = json.loads(content)["target"]
        return bool(target == entry.path)
    return content.strip() == str(entry.number).encode()


def _shown(messages: list[dict[str, Any]]) -> str:
    return str([{**message, "content": str(message.get("content"))[:80]} for message in messages])[:600]
