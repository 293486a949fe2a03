"""Limits by operation: what is above the limit of its operation waits for its turn, first come first served.

An operation has its turn until its handler is done. One that says so sooner (Reply.completed) does not keep
others from beginning while its answer waits for the layer.

A waiting operation is claimed: it holds one of the places of CONCURRENCY['total'], its deadline runs, and
the messages behind it on the channel, of other operations too, cannot be had without claiming it. So that a
flood of one operation leaves places for the others, only so many of it may wait; what comes
beyond them is refused at once, and told when to come back.
"""

from __future__ import annotations

from collections.abc import Mapping

import trio

from .errors import TooManyWaiting
from .limits import waiting_room


class Turns:
    """Who of each operation may run, in the order in which they asked. One object per server.

    `limits` has for each operation how many may run at once; 0 or more than `total` is no limit.
    """

    def __init__(self, limits: Mapping[str, int], total: int) -> None:
        self._turns = {
            name: Turn(name, limit, waiting_room(limit, total))
            for name, limit in limits.items()
            if 0 < limit < total
        }

    @property
    def waiting(self) -> int:
        """Operations that are claimed and wait for their turn."""
        return sum(turn.waiting for turn in self._turns.values())

    def turn(self, operation: str) -> Turn | None:
        """The turns of an operation; None for one that has no limit."""
        return self._turns.get(operation)


class Turn:
    """The turns of one operation: who takes one gives it back.

    A trio.CapacityLimiter would know for each turn who has it, which nobody asks.
    """

    __slots__ = ("_free", "_name", "_queue", "_room")

    def __init__(self, name: str, limit: int, room: int) -> None:
        self._name = name
        self._free = limit
        self._room = room
        self._queue = trio.lowlevel.ParkingLot()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    async def take(self) -> None:
        """Wait for a turn. Raises TooManyWaiting."""
        if self._free:  # then nobody waits, for a turn that comes back goes to those
            self._free -= 1
            return
        if len(self._queue) >= self._room:
            raise TooManyWaiting(f"too many {self._name} operations are waiting; try again later")
        # Who is woken has the turn, also if cancelled from then on: Trio tells that at the next checkpoint.
        await self._queue.park()

    def give_back(self) -> None:
        """To the one who has waited longest."""
        if self._queue:
            self._queue.unpark()
        else:
            self._free += 1
