"""What `status` and `top` read: the reports of all servers, and what waits for them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from channels_async.report_rules import summary

from ..layers.base import Layer, Message, Queue


@dataclass(frozen=True)
class Reading:
    """One look at a site."""

    reports: list[Message]
    queue: Queue | None
    at: float  # epoch seconds

    def summary(self, before: Reading | None = None, *, recent: bool = False) -> dict[str, Any]:
        """What is shown of it, see report_rules; rates since `before`, or since the servers' start."""
        queue = self.queue and {"length": self.queue.length, "oldest_age": self.queue.oldest_age}
        earlier = before.reports if before is not None else None
        return summary(self.reports, self.at, earlier, queue or None, recent)


async def read(layer: Layer, channel: str) -> Reading:
    """`channel`: that of the operations."""
    return Reading(await layer.reports(), await layer.queue(channel), time.time())
