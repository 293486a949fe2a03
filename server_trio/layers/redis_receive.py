"""Receiving from one shard: tasks that wait for messages, and claimers that get them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

import trio

from ..errors import LayerUnavailable
from .base import Received
from .redis_claim import Claimer
from .redis_connection import Backoff

MAX_IDLE = 8  # claimers kept with their connections for the next receive of the same channels


class Turn:
    """One `receive`: how much it wants, what it got, and whether anybody still waits for it."""

    __slots__ = ("abandoned", "done", "limit", "received")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.done = trio.Event()
        self.abandoned = trio.Event()
        self.received: list[Received] = []


class Desk:
    """A claimer, and the turn it is at work for: one at a time, one after the other."""

    def __init__(self, channels: tuple[str, ...], journal: bool, claimer: Claimer) -> None:
        self.channels = channels
        self.journal = journal
        self.claimer = claimer
        self.turn: Turn | None = None
        self.open = False  # a task is at work here
        self.moved_at = trio.current_time()  # when that task last did or got something, seconds
        self.dirty = False  # the claimer may hold what was meant for an abandoned turn

    def abandon(self) -> None:
        """Nobody waits for the present turn any more."""
        if self.turn is not None:
            self.turn.abandoned.set()
            self.turn = None
            self.dirty = True


class Receiver:
    """The receiving side of one shard.

    The exchange with Redis runs in tasks of the layer's own nursery, so that a `receive` that is
    cancelled returns at once, while what Redis may have handed over meanwhile is given back to
    the head of its channel. There are as many claimers as there are receives at once; one that is
    still giving back is taken by the next receive of the same channels.
    """

    def __init__(self, nursery: trio.Nursery, new_claimer: Callable[[Sequence[str], bool], Claimer]) -> None:
        self._nursery = nursery
        self._new_claimer = new_claimer
        self._desks: list[Desk] = []  # those used last are at the end
        self._changed = trio.Event()
        self._closed = False

    async def receive(self, channels: Sequence[str], limit: int, journal: bool) -> list[Received]:
        """Wait for messages as long as it takes, also while Redis is away. See Layer.receive."""
        if self._closed:
            raise LayerUnavailable("the channel layer has been closed")
        desk, turn = self._free_desk(tuple(channels), journal), Turn(limit)
        desk.turn = turn
        self._open(desk)
        try:
            await turn.done.wait()
        except BaseException:
            desk.abandon()
            # If `done` was set at the very moment of the cancellation, nobody is at work there now,
            # and what came has to be given back.
            self._open(desk)
            self._nursery.start_soon(desk.claimer.unblock)
            raise
        if turn.abandoned.is_set():
            raise LayerUnavailable("the channel layer has been closed")
        desk.claimer.accept()
        desk.turn = None
        self._retire_idle()
        return turn.received

    @property
    def stands_still(self) -> float:
        """Seconds for which a task that is at work here has not moved, neither on nor back."""
        return max((trio.current_time() - desk.moved_at for desk in self._desks if desk.open), default=0.0)

    async def close(self) -> None:
        """End all waiting and give back what nobody has. The caller bounds the time."""
        self._closed = True
        for desk in self._desks:
            turn = desk.turn
            desk.abandon()
            if turn is not None:
                turn.done.set()
                self._open(desk)
                self._nursery.start_soon(desk.claimer.unblock)
        while any(desk.open for desk in self._desks):
            await self._changed.wait()
        for desk in list(self._desks):
            await self._retire(desk)

    async def _serve(self, desk: Desk) -> None:
        """Get messages for one turn after the other, until there is none; give back what nobody waits for."""
        backoff = Backoff()
        while True:
            desk.moved_at = trio.current_time()
            turn = desk.turn
            try:
                if desk.dirty:
                    await desk.claimer.give_back()
                    desk.dirty = False
                    continue
                if turn is None:
                    break
                if desk.claimer.has_all:
                    await desk.claimer.wait(turn.limit)
                    continue
                received, more = await desk.claimer.claim(turn.limit)
                backoff.reset()
                if turn is not desk.turn:
                    continue
                if received:
                    turn.received = received
                    turn.done.set()
                    break
                if not more:
                    await desk.claimer.wait(turn.limit)
            except LayerUnavailable:
                await self._pause(backoff, turn)
        desk.open = False
        self._note_change()

    async def _pause(self, backoff: Backoff, turn: Turn | None) -> None:
        """Wait for the next attempt, or until the turn is abandoned: that attempt is another one."""
        with trio.move_on_after(backoff.next()):
            if turn is None or turn.abandoned.is_set():
                await trio.sleep_forever()
            await turn.abandoned.wait()

    def _open(self, desk: Desk) -> None:
        if not desk.open:
            desk.open = True
            desk.moved_at = trio.current_time()
            self._nursery.start_soon(self._serve, desk)

    def _free_desk(self, channels: tuple[str, ...], journal: bool) -> Desk:
        for index in reversed(range(len(self._desks))):
            desk = self._desks[index]
            if desk.turn is None and desk.channels == channels and desk.journal == journal:
                self._desks.append(self._desks.pop(index))
                return desk
        self._desks.append(Desk(channels, journal, self._new_claimer(channels, journal)))
        return self._desks[-1]

    def _retire_idle(self) -> None:
        """Let go of the claimer whose channels have not been asked for longest, if there are many."""
        idle = [desk for desk in self._desks if desk.turn is None and not desk.open]
        if len(idle) > MAX_IDLE:
            self._desks.remove(idle[0])
            self._nursery.start_soon(self._retire, idle[0])

    async def _retire(self, desk: Desk) -> None:
        # All that an idle one holds has been accepted: nothing is lost if Redis is away.
        with contextlib.suppress(LayerUnavailable):
            await desk.claimer.give_back()
        desk.claimer.close()

    def _note_change(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
