"""The operations that a server has claimed and not yet answered, and who waits for them."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator

from .errors import OperationError
from .running import Running


class InFlight:
    """A set of running operations that can be asked by reply channel. Bounded by CONCURRENCY['total']."""

    def __init__(self) -> None:
        self._all: dict[Running, None] = {}  # those that were begun first are the first
        self._by_operation: Counter[str] = Counter()
        #: Nearly all channels have one; a set for each would be larger than what it holds.
        self._by_channel: dict[str, Running | set[Running]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Running]:
        return iter(self._all)

    @property
    def by_operation(self) -> dict[str, int]:
        """How many there are of each operation that there has been."""
        return dict(self._by_operation)

    def oldest(self, number: int) -> list[Running]:
        """Those that have been running the longest, `number` at the most."""
        return list(itertools.islice(self._all, number))

    def add(self, running: Running) -> None:
        self._all[running] = None
        self._by_operation[running.operation.name] += 1
        if running.has_listener:
            channel = running.reply.channel
            others = self._by_channel.setdefault(channel, running)
            if isinstance(others, set):
                others.add(running)
            elif others is not running:
                self._by_channel[channel] = {others, running}

    def discard(self, running: Running) -> None:
        del self._all[running]
        self._by_operation[running.operation.name] -= 1
        channel = running.reply.channel
        others = self._by_channel.get(channel)
        if isinstance(others, set):
            others.discard(running)
        if others is running or others == set():
            del self._by_channel[channel]

    def interrupt(self, channel: str, error: OperationError, until: float = math.inf) -> bool:
        """Interrupt all whose answer goes to that browser, and that were sent until then (epoch seconds).

        Returns whether there was one.
        """
        listening = self._by_channel.get(channel, ())
        all = (listening,) if isinstance(listening, Running) else listening
        found = [running for running in all if _sent_until(running, until)]
        for running in found:
            running.interrupt(error)
        return bool(found)


def _sent_until(running: Running, until: float) -> bool:
    sent_at = running.operation.sent_at
    return sent_at is None or sent_at <= until
