"""`--processes N`: a parent that keeps N children alive, each a whole server in a process of its own.

The parent takes no messages. It starts children and, where one ends by itself, another one in its place after
a pause; it passes signals on, is told by each child how it does (link.py), and ends when the last child has.
Children that a SIGHUP replaces finish what they have beside their successors.
"""

from __future__ import annotations

import logging
import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import trio

from .children import Child, reap_orphans, start_child
from .exit_codes import ExitCode
from .reload import END_TIMEOUT, READY_TIMEOUT, Origin
from .settings import Settings
from .signals import Obedience, obeyed

logger = logging.getLogger(__name__)

#: Seconds until a child that has ended is started again: the first time, and at the most. Each is drawn
#: between half of that and all of it.
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0

#: Seconds of life after which the end of a child has nothing to do with the end of the one before.
LONG_LIFE: Final = 60.0

#: Seconds that a child is given beyond what its settings allow it to end.
END_MARGIN: Final = 10.0


class Place:
    """Where one child is after the other: started again when it ends, replaced when it is to be fresh."""

    def __init__(self, number: int, parent: Parent) -> None:
        self.number = number
        self.child: Child | None = None
        self.was_ready = trio.Event()
        self._parent = parent
        self._starting = trio.Lock()  # one fresh child at a time
        self._replaced = trio.Event()  # the child is another one
        self._ends_in_row = 0
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
            await _either(child.ready, child.ended)
            if child.ready.is_set():
                self.was_ready.set()
            await _either(self._replaced, child.ended)
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
                await _either(fresh.ready, fresh.ended)
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
        return self._is_given_up or self._parent.is_ending

    async def _start(self) -> Child | None:
        try:
            return self._parent.start(self.number)
        except OSError as error:
            logger.error("process %d could not be started: %s", self.number, error)
            return None

    async def _ended(self, child: Child) -> None:
        if child.exit_code == ExitCode.SETTINGS or (
            child.exit_code == ExitCode.LAYER and not self.was_ready.is_set()
        ):
            logger.error("process %d (pid %d) %s: all end", self.number, child.pid, child.ending)
            self._parent.drain(ExitCode(child.exit_code))
            return
        lived = trio.current_time() - child.started_at
        if lived > LONG_LIFE:
            self._ends_in_row = 0
        words = f"process {self.number} (pid {child.pid}) {child.ending} after {lived:.1f} s"
        await self._pause(words)

    async def _pause(self, words: str = "") -> None:
        self._ends_in_row += 1
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self._ends_in_row - 1, 10))
        seconds = longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        if words:
            again = f", {self._ends_in_row} times in a row" if self._ends_in_row > 1 else ""
            logger.error("%s%s; a fresh one is started in %.1f s", words, again, seconds)
        with trio.move_on_after(seconds):
            await self._parent.ending.wait()


class Parent:
    """`serve` keeps the children until a signal ends them; its result is the exit code."""

    def __init__(self, settings: Settings, origin: Origin, announce: Callable[[], None]) -> None:
        self.ending = trio.Event()
        self._settings = settings
        self._origin = origin
        self._announce = announce
        self._nursery: trio.Nursery | None = None
        self._places: list[Place] = []
        self._living: list[Child] = []
        self._code = ExitCode.OK
        self._replacing = False
        self._replace_again = False

    async def serve(self) -> int:
        """Start the children, obey signals, and return when all have ended."""
        numbers = [*obeyed(), signal.SIGCHLD]
        with trio.open_signal_receiver(*numbers) as signals:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                obedience = Obedience(self)
                nursery.start_soon(obedience.obey, self._without_deaths(signals))
                nursery.start_soon(self._say_ready)
                self._resize(self._settings.PROCESSES)
                await self.ending.wait()
                await self._end_all()
                nursery.cancel_scope.cancel()
        logger.info("stopped")
        return max(self._code, ExitCode.FAILED) if obedience.forced else self._code

    @property
    def is_ending(self) -> bool:
        return self.ending.is_set()

    def reports(self) -> list[dict[str, Any]]:
        """The last report of each child that takes messages."""
        children = [place.child for place in self._places]
        return [
            {**child.report, "process": child.number}
            for child in children
            if child is not None and child.lives and child.report
        ]

    def start(self, number: int) -> Child:
        """Start a child for a place. Raises OSError."""
        assert self._nursery is not None
        child = start_child(number, self._origin)
        self._living.append(child)
        self._nursery.start_soon(child.listen)
        logger.info("process %d is pid %d", number, child.pid)
        return child

    async def drain_one(self, child: Child) -> None:
        """Have one child finish what it has, and wait for its end."""
        child.drain()
        with trio.move_on_after(self._longest_end):
            await child.ended.wait()
        if child.lives:
            logger.error("process %d (pid %d) does not end, it is killed", child.number, child.pid)
            await self.end(child)

    async def end(self, child: Child) -> None:
        """End one child, now."""
        await child.abort()
        with trio.move_on_after(END_TIMEOUT):
            await child.ended.wait()
        child.signal(signal.SIGKILL)
        await child.ended.wait()

    # What signals ask for, see signals.Obedience.

    def drain(self, code: ExitCode = ExitCode.OK) -> None:
        """Have all children finish what they have, then end; `code` is this process's exit code."""
        if not self.is_ending:
            self._code = code
            self.ending.set()

    def abort(self) -> None:
        """End all children now."""
        assert self._nursery is not None
        self.ending.set()
        for child in self._living:
            self._nursery.start_soon(self.end, child)

    def reload(self) -> None:
        """Replace one child after the other by a fresh one, which reads settings and code anew."""
        assert self._nursery is not None
        self._replace_again = self._replacing
        if self._replacing:
            logger.info("the processes are being replaced already; it is done once more afterwards")
        elif not self.is_ending:
            self._replacing = True
            self._nursery.start_soon(self._replace_all)

    def pass_on(self, number: int) -> None:
        """Any other signal is the children's. One that is still starting could die of it."""
        for child in self._living:
            if child.ready.is_set():
                child.signal(number)

    async def _replace_all(self) -> None:
        logger.info("replacing one process after the other by a fresh one, which reads the settings again")
        for place in list(self._places):
            if self.is_ending or not await place.replace():
                break
        else:
            child = self._places[0].child
            if child is not None and child.processes is not None:
                self._resize(child.processes)
            logger.info("all processes are replaced")
        self._replacing = False
        if self._replace_again:
            self.reload()

    def _resize(self, processes: int) -> None:
        """Have as many places as that, from the last on."""
        assert self._nursery is not None
        while len(self._places) < processes:
            place = Place(len(self._places) + 1, self)
            self._places.append(place)
            self._nursery.start_soon(place.keep)
        while len(self._places) > processes:
            self._nursery.start_soon(self._places.pop().give_up)

    async def _say_ready(self) -> None:
        for place in list(self._places):
            await place.was_ready.wait()
        self._announce()

    async def _end_all(self) -> None:
        logger.info("draining: %d processes", len(self._living))
        async with trio.open_nursery() as enders:
            for child in list(self._living):
                enders.start_soon(self._drain_last, child)

    async def _drain_last(self, child: Child) -> None:
        await self.drain_one(child)
        good = {ExitCode.OK, self._code, -signal.SIGTERM}  # the last is one that was still starting
        if child.exit_code not in good:
            logger.error("process %d (pid %d) %s", child.number, child.pid, child.ending)
            self._code = max(self._code, ExitCode.FAILED)

    @property
    def _longest_end(self) -> float:
        """Seconds from SIGTERM to the end of a child that is well."""
        return self._settings.GRACE_TIME + self._settings.REPLY_TIMEOUT + END_MARGIN

    async def _without_deaths(self, signals: AsyncIterator[int]) -> AsyncIterator[int]:
        """The signals that are for the parent; SIGCHLD is seen to here."""
        async for number in signals:
            if number != signal.SIGCHLD:
                yield number
                continue
            for child in self._living:
                child.reap()
            self._living = [child for child in self._living if child.lives]
            if os.getpid() == 1:
                reap_orphans(self._living)


async def _either(*events: trio.Event) -> None:
    """Wait for the first of some events."""
    async with trio.open_nursery() as nursery:

        async def wait(event: trio.Event) -> None:
            await event.wait()
            nursery.cancel_scope.cancel()

        for event in events:
            nursery.start_soon(wait, event)
