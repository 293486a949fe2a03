"""Receiving from one shard: tasks that wait for messages, and claimers that get them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

import trio

from ..errors import LayerUnavailable
from .base import Received
from .redis_claim import Claimer
from .redis_connection import Backoff

MAX_IDLE_CLAIMERS = 8  # kept with their connections for the next receive of the same channels


class Turn:
    """One `receive`: how much it wants, what it got, and whether anybody still waits for it."""

    __slots__ = ("abandoned", "done", "limit", "received")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.done = trio.Event()
        self.abandoned = trio.Event()
        self.received: list[Received] = []


class Receiver:
    """The receiving side of one shard.

    The exchange with Redis runs in tasks of the layer's own nursery, so that a `receive` that is
    cancelled returns at once, while what Redis may have handed over meanwhile is given back to
    the head of its channel.
    """

    def __init__(self, nursery: trio.Nursery, new_claimer: Callable[[Sequence[str]], Claimer]) -> None:
        self._nursery = nursery
        self._new_claimer = new_claimer
        self._idle: list[tuple[tuple[str, ...], Claimer]] = []
        self._busy: dict[Claimer, Turn] = {}
        self._freed = trio.Event()
        self._closed = False

    async def receive(self, channels: Sequence[str], limit: int) -> list[Received]:
        """Wait for messages as long as it takes, also while Redis is away. See Layer.receive."""
        if self._closed:
            raise LayerUnavailable("the channel layer has been closed")
        names = tuple(channels)
        claimer, turn = self._claimer(names), Turn(limit)
        self._busy[claimer] = turn
        self._nursery.start_soon(self._serve, names, claimer, turn)
        try:
            await turn.done.wait()
        except BaseException:
            turn.abandoned.set()
            # Either the turn is still being served, perhaps blocked in Redis, or its messages came
            # at the very moment of the cancellation and nobody has them.
            if turn.done.is_set():
                self._nursery.start_soon(self._settle, names, claimer)
            else:
                self._nursery.start_soon(claimer.unblock)
            raise
        if turn.abandoned.is_set():
            raise LayerUnavailable("the channel layer has been closed")
        claimer.accept()
        self._free(names, claimer)
        return turn.received

    async def close(self) -> None:
        """End all waiting and give back what nobody has. The caller bounds the time."""
        self._closed = True
        for claimer, turn in self._busy.items():
            if not turn.abandoned.is_set():
                turn.abandoned.set()
                turn.done.set()
                self._nursery.start_soon(claimer.unblock)
        while self._busy:
            await self._freed.wait()
        for _, claimer in self._idle:
            # All that these hold has been accepted: nothing is lost if Redis is away.
            with contextlib.suppress(LayerUnavailable):
                await claimer.give_back()
            await claimer.close()

    async def _serve(self, names: tuple[str, ...], claimer: Claimer, turn: Turn) -> None:
        """Get messages for a turn; if it is abandoned, give them back."""
        backoff = Backoff()
        while not turn.abandoned.is_set():
            try:
                received, more = await claimer.claim(turn.limit)
                backoff.reset()
                if turn.abandoned.is_set():
                    break
                if received:
                    turn.received = received
                    turn.done.set()
                    return
                if not more:
                    await claimer.wait()
            except LayerUnavailable:
                with trio.move_on_after(backoff.next()):
                    await turn.abandoned.wait()
        await self._settle(names, claimer)

    async def _settle(self, names: tuple[str, ...], claimer: Claimer) -> None:
        """Give back what a claimer holds, however long Redis is away, before it is used again."""
        backoff = Backoff()
        while True:
            try:
                await claimer.give_back()
            except LayerUnavailable:
                await trio.sleep(backoff.next())
            else:
                self._free(names, claimer)
                return

    def _claimer(self, names: tuple[str, ...]) -> Claimer:
        for index, (channels, claimer) in enumerate(self._idle):
            if channels == names:
                del self._idle[index]
                return claimer
        return self._new_claimer(names)

    def _free(self, names: tuple[str, ...], claimer: Claimer) -> None:
        del self._busy[claimer]
        self._freed.set()
        self._freed = trio.Event()
        self._idle.append((names, claimer))
        if len(self._idle) > MAX_IDLE_CLAIMERS:
            names, oldest = self._idle.pop(0)
            self._busy[oldest] = Turn(0)
            self._nursery.start_soon(self._retire, oldest)

    async def _retire(self, claimer: Claimer) -> None:
        """Let go of a claimer whose channels have not been asked for lately."""
        with contextlib.suppress(LayerUnavailable):  # all it holds has been accepted
            await claimer.give_back()
        await claimer.close()
        del self._busy[claimer]
        self._freed.set()
        self._freed = trio.Event()
