"""Limits by operation: what is above the limit of its operation waits for its turn, first come first served.

A waiting operation is claimed: it holds one of the places of CONCURRENCY['total'], its deadline runs, and
the messages behind it on the channel, of other operations too, cannot be had without claiming it. So that a
flood of one operation leaves places for the others, only so many of it may wait; what comes
beyond them is refused at once, and told when to come back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import trio

from .errors import TooManyWaiting
from .limits import waiting_room


class Turns:
    """Who of each operation may run, in the order in which they asked. One object per server.

    `limits` has for each operation how many may run at once; 0 or more than `total` is no limit.
    """

    def __init__(self, limits: Mapping[str, int], total: int) -> None:
        bounded = {name: limit for name, limit in limits.items() if 0 < limit < total}
        self._limiters = {name: trio.CapacityLimiter(limit) for name, limit in bounded.items()}
        self._room = {name: waiting_room(limit, total) for name, limit in bounded.items()}
        self._waiting = dict.fromkeys(bounded, 0)

    @property
    def waiting(self) -> int:
        """Operations that are claimed and wait for their turn."""
        return sum(self._waiting.values())

    @asynccontextmanager
    async def turn(self, operation: str) -> AsyncIterator[None]:
        """Have the turn of an operation for the time of the block, waiting for it if need be.

        Raises TooManyWaiting.
        """
        limiter = self._limiters.get(operation)
        if limiter is None:
            yield
            return
        await self._acquire(operation, limiter)
        try:
            yield
        finally:
            limiter.release()

    async def _acquire(self, operation: str, limiter: trio.CapacityLimiter) -> None:
        try:
            # A token that comes back goes to those who wait, so this overtakes nobody.
            limiter.acquire_nowait()
            return
        except trio.WouldBlock:
            pass
        if self._waiting[operation] >= self._room[operation]:
            raise TooManyWaiting(f"too many {operation} operations are waiting; try again later")
        self._waiting[operation] += 1
        try:
            await limiter.acquire()
        finally:
            self._waiting[operation] -= 1
