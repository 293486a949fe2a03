"""Takes messages off the layer: only as many as there are free places, the rest stay in Redis."""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import trio

from .errors import LayerUnavailable
from .layers.base import Judge, Layer, Received

logger = logging.getLogger(__name__)

#: Messages claimed in one call at the most. Bounds what is claimed but not begun when several
#: shards fill the last places at the same moment.
BATCH: Final = 200

#: Of these, how many are begun before others have their turn: what the first of them send is on its way
#: while the next are begun, and nothing else waits for all of them.
AT_A_TIME: Final = 32

#: Seconds before a layer that cannot be reached is tried again: the first time, and at the most.
FIRST_RETRY: Final = 0.05
LONGEST_RETRY: Final = 1.0


class Places:
    """How many operations (or consumers) may run at once; a bound that receivers wait for before they claim.

    `free` may be taken by several receivers at once, so a place is only had by `take`.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self._taken = 0
        self._freed = trio.Event()

    @property
    def free(self) -> int:
        """Places that nobody has now."""
        return self.total - self._taken

    async def wait_free(self) -> int:
        """Wait until a place is free; return how many are."""
        while self.free <= 0:
            await self._freed.wait()
        return self.free

    def take_at_once(self) -> bool:
        """Take one place if one is free; whether it was."""
        if self._taken >= self.total:
            return False
        self._taken += 1
        return True

    async def take(self) -> None:
        """Take one place, waiting for it if need be."""
        await self.wait_free()
        self._taken += 1

    def take_beyond(self) -> None:
        """Take a place even where none is free: for what cannot be put back."""
        self._taken += 1

    def give_back(self) -> None:
        """Return one place."""
        self._taken -= 1
        self._freed.set()
        self._freed = trio.Event()


async def receive_forever(
    layer: Layer,
    shard: int,
    channels: Sequence[str],
    places: Places,
    begin: Callable[[Received], None],
    journal: bool = False,
) -> None:
    """Claim messages of one shard's channels and hand each to `begin`, with its place taken.

    `begin` must not block. What has been claimed is always begun, also when this task is cancelled:
    a message that was taken off the layer is this server's to answer.
    """

    async def receive(limit: int) -> list[Received]:
        return await layer.receive(shard, channels, limit, journal=journal)

    await _take_forever(shard, receive, places, begin)


async def recover_forever(
    layer: Layer, shard: int, places: Places, begin: Callable[[Received], None], only: Judge | None = None
) -> None:
    """Take over, from servers of one shard that die, what they had claimed. See `receive_forever`."""

    async def recover(limit: int) -> list[Received]:
        return await layer.recover(shard, limit, only)

    await _take_forever(shard, recover, places, begin)


async def _take_forever(
    shard: int,
    take: Callable[[int], Awaitable[list[Received]]],
    places: Places,
    begin: Callable[[Received], None],
) -> None:
    delay = FIRST_RETRY
    while True:
        free = await places.wait_free()
        try:
            batch = await take(min(free, BATCH))
        except LayerUnavailable as error:
            # Once for an outage: the first of a series of failures.
            level = logging.WARNING if delay == FIRST_RETRY else logging.DEBUG
            logger.log(level, "shard %d of the channel layer is away, trying again: %s", shard, error)
            await trio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            delay = min(delay * 2, LONGEST_RETRY)
            continue
        delay = FIRST_RETRY
        for index, received in enumerate(batch):
            try:
                if index % AT_A_TIME == AT_A_TIME - 1:
                    await trio.lowlevel.checkpoint()
                if not places.take_at_once():
                    await places.take()
            except trio.Cancelled:
                # Draining: the rest of the batch runs above the limit rather than be lost.
                for left in batch[index:]:
                    places.take_beyond()
                    begin(left)
                raise
            begin(received)
