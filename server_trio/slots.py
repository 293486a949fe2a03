"""One of the N of --processes: the child that is there, started again when it ends, replaced when told to."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from typing import Final, Protocol

import trio

from .children import Child
from .exit_codes import ExitCode
from .reload import READY_TIMEOUT

logger = logging.getLogger(__name__)

#: Seconds until a child that has ended is started again: the first time, and at the most. Each is drawn
#: between half of that and all of it.
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0

#: Seconds of life after which the end of a child has nothing to do with the end of the one before.
LONG_LIFE: Final = 60.0

#: Exit codes of a child that could not start, and says itself why.
_REASONS: Final = (ExitCode.SETTINGS, ExitCode.LAYER)


class Owner(Protocol):
    """What a slot needs of the parent."""

    folders: Sequence[str]  # watched for changes; none but with --reload
    ending: trio.Event  # all are to end
    changed: trio.Event  # a file in the folders has; renewed each time
    was_ready: trio.Event  # all have been, once

    @property
    def serves(self) -> bool:
        """Whether a child is there that takes messages."""
        ...

    def start(self, number: int) -> Child: ...

    def drain(self, code: ExitCode) -> None: ...

    async def drain_one(self, child: Child) -> None: ...

    async def end(self, child: Child) -> None: ...


class Pauses:
    """How long to wait until a child that has ended is started again: longer each time, within bounds."""

    def __init__(self) -> None:
        self.in_row = 0  # how often it has ended without a long life before

    def after(self, lived: float) -> float:
        """Seconds to wait after one that has lived for so many."""
        self.in_row = 1 if lived > LONG_LIFE else self.in_row + 1
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self.in_row - 1, 10))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


class Slot:
    """Where one child is after the other: started again when it ends, replaced when it is to be fresh."""

    def __init__(self, number: int, parent: Owner) -> None:
        self.number = number
        self.child: Child | None = None
        self.was_ready = trio.Event()
        self._parent = parent
        self._starting = trio.Lock()  # one fresh child at a time
        self._replaced = trio.Event()  # the child is another one
        self._pauses = Pauses()
        self._is_given_up = False

    async def keep(self) -> None:
        """Have a living child here until the parent ends, or `give_up`."""
        while not self._is_over:
            async with self._starting:
                if self.child is None or not self.child.lives:
                    self.child = await self._start()
            child = self.child
            if child is None:
                await self._pause()
                continue
            await either(child.ready, child.ended)
            if child.ready.is_set():
                self.was_ready.set()
            await either(self._replaced, child.ended)
            self._replaced = trio.Event()
            if child is self.child and not child.lives and not self._is_over:
                await self._ended(child)

    async def replace(self) -> bool:
        """Start a fresh child, have the old one end once it is ready; whether it has got ready.

        Returns when the old one has ended, so that there are never more than one too many.
        """
        async with self._starting:
            old, fresh = self.child, await self._start()
            if fresh is None:
                return False
            with trio.move_on_after(READY_TIMEOUT):
                await either(fresh.ready, fresh.ended)
            if self._is_over:
                return False
            if not fresh.ready.is_set() or not fresh.lives:
                why = fresh.ending if not fresh.lives else f"was not ready within {READY_TIMEOUT:g} s"
                words = "the fresh process %d (pid %d) %s; those that there are go on"
                logger.error(words, self.number, fresh.pid, why)
                await self._parent.end(fresh)
                return False
            self.child = fresh
            self._replaced.set()
        if old is not None and old.lives:
            logger.info("process %d is now pid %d, pid %d drains", self.number, fresh.pid, old.pid)
            await self._parent.drain_one(old)
        return True

    async def give_up(self) -> None:
        """Have no child here any more."""
        self._is_given_up = True
        if self.child is not None:
            await self._parent.drain_one(self.child)

    @property
    def _is_over(self) -> bool:
        return self._is_given_up or self._parent.ending.is_set()

    async def _start(self) -> Child | None:
        if self._is_over:  # since it was looked at last: whoever ends all has not seen this one
            return None
        try:
            return self._parent.start(self.number)
        except OSError as error:
            logger.error("process %d could not be started: %s", self.number, error)
            return None

    async def _ended(self, child: Child) -> None:
        if child.is_told_to_end:
            return
        if self._parent.folders:
            logger.error("process %d %s; waiting for a change", self.number, child.ending)
            await either(self._parent.changed, self._parent.ending)
            return
        words = f"process {self.number} (pid {child.pid}) {child.ending}"
        reason = next((code for code in _REASONS if child.exit_code == code), None)
        if reason is not None and self._is_final(reason):
            logger.error("%s: all end", words)
            self._parent.drain(reason)
            return
        lived = trio.current_time() - child.started_at
        next_step = "a fresh one is started"
        if reason is not None:  # its own message has the details
            words += f" ({reason.meaning}, see above)"
            next_step = "the others go on; it is tried again" if self._parent.serves else "it is tried again"
        await self._pause(lived, f"{words} after {lived:.1f} s", next_step)

    def _is_final(self, reason: ExitCode) -> bool:
        """Whether a child that ends for `reason` ends all: only until the service has been ready.

        Later what is wrong came after those that are there; they are worth more than an exit code.
        """
        if self._parent.was_ready.is_set():
            return False
        return reason is ExitCode.SETTINGS or not self.was_ready.is_set()

    async def _pause(self, lived: float = 0.0, words: str = "", next_step: str = "") -> None:
        seconds = self._pauses.after(lived)
        if words:
            again = f", {self._pauses.in_row} times in a row" if self._pauses.in_row > 1 else ""
            logger.error("%s%s; %s in %.1f s", words, again, next_step, seconds)
        with trio.move_on_after(seconds):
            await self._parent.ending.wait()


async def either(*events: trio.Event) -> None:
    """Wait for the first of some events."""
    async with trio.open_nursery() as nursery:

        async def wait(event: trio.Event) -> None:
            await event.wait()
            nursery.cancel_scope.cancel()

        for event in events:
            nursery.start_soon(wait, event)
