"""`--processes N`: a parent that keeps N children alive, each a whole server in a process of its own.

The parent takes no messages. It starts children and, where one ends by itself, another one in its place after
a pause; it passes signals on, is told by each child how it does (link.py), and ends when the last child has.
Children that a SIGHUP replaces finish what they have beside their successors.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

import trio

from .children import Child, reap_orphans, start_child
from .exit_codes import ExitCode
from .progress import in_one_line
from .reload import END_TIMEOUT, Origin
from .settings import Settings
from .signals import Obedience, obeyed
from .slots import Slot
from .systemd import Service
from .watching import changes

logger = logging.getLogger(__name__)

#: Seconds between two looks at how the children do, and from the first sign of one that hangs to its end.
LOOK: Final = 1.0
PATIENCE: Final = 10.0

#: Seconds that a child has to finish what is in flight when a file has changed.
SHORT_GRACE: Final = 1.0

#: Seconds that a child is given beyond what its settings allow it to end.
END_MARGIN: Final = 10.0


class Parent:
    """`serve` keeps the children until a signal ends them; its result is the exit code."""

    def __init__(
        self,
        settings: Settings,
        origin: Origin,
        service: Service,
        announce: Callable[[], None],
        folders: Sequence[str] = (),
    ) -> None:
        """`folders`: start all anew when a file in them changes (watching.py)."""
        self.folders = folders
        self.ending = trio.Event()
        self.changed = trio.Event()  # a file; renewed each time
        self.was_ready = trio.Event()  # all have been, once
        self._settings = settings
        self._origin = origin
        self._service = service
        self._announce = announce
        self._nursery: trio.Nursery | None = None
        self._slots: list[Slot] = []
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
                nursery.start_soon(self._end_those_that_hang)
                if self.folders:
                    nursery.start_soon(self._start_anew_on_changes)
                nursery.start_soon(
                    self._service.tell_forever, self.problem, lambda: in_one_line(self.reports())
                )
                self._resize(self._settings.PROCESSES)
                await self.ending.wait()
                await self._end_all()
                nursery.cancel_scope.cancel()
        logger.info("stopped")
        return max(self._code, ExitCode.FAILED) if obedience.forced else self._code

    @property
    def is_ending(self) -> bool:
        return self.ending.is_set()

    @property
    def serves(self) -> bool:
        """Whether a child is there that takes messages."""
        return any(child.lives and child.ready.is_set() for child in self._living)

    def reports(self) -> list[dict[str, Any]]:
        """The last report of each child that takes messages."""
        children = [slot.child for slot in self._slots]
        return [
            {**child.report, "process": child.number}
            for child in children
            if child is not None and child.lives and child.report
        ]

    def problem(self) -> str | None:
        """Why one of the children does nothing any more; None if all do."""
        for child in self._living:
            if (trouble := child.trouble()) is not None:
                return f"process {child.number} (pid {child.pid}) {trouble}"
        return None

    def start(self, number: int) -> Child:
        """Start a child for a slot. Raises OSError."""
        assert self._nursery is not None
        child = start_child(number, self._origin)
        self._living.append(child)
        self._nursery.start_soon(child.listen)
        logger.info("process %d is pid %d", number, child.pid)
        return child

    async def drain_one(self, child: Child) -> None:
        """Have one child finish what it has, and wait for its end."""
        child.drain()
        with trio.move_on_after(child.longest_end + END_MARGIN):
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
        self._service.reloading()
        logger.info("replacing one process after the other by a fresh one, which reads the settings again")
        for slot in list(self._slots):
            if self.is_ending or not await slot.replace():
                break
        else:
            child = self._slots[0].child
            if child is not None and child.processes is not None:
                self._resize(child.processes)
            logger.info("all processes are replaced")
        if not self.is_ending:
            self._service.ready()
        self._replacing = False
        if self._replace_again:
            self.reload()

    def _resize(self, processes: int) -> None:
        """Have as many slots as that, from the last on."""
        assert self._nursery is not None
        while len(self._slots) < processes:
            slot = Slot(len(self._slots) + 1, self)
            self._slots.append(slot)
            self._nursery.start_soon(slot.keep)
        while len(self._slots) > processes:
            self._nursery.start_soon(self._slots.pop().give_up)

    async def _start_anew_on_changes(self) -> None:
        logger.info("watching %s for changes", ", ".join(self.folders))
        async with changes(self.folders) as found:
            async for paths in found:
                logger.info("changed: %s", ", ".join(map(os.path.relpath, paths)))
                self.changed.set()
                self.changed = trio.Event()
                async with trio.open_nursery() as enders:
                    for child in self._living:
                        enders.start_soon(self._end_soon, child)

    async def _end_soon(self, child: Child) -> None:
        child.drain()
        with trio.move_on_after(SHORT_GRACE):
            await child.ended.wait()
        await self.end(child)

    async def _say_ready(self) -> None:
        for slot in list(self._slots):
            await slot.was_ready.wait()
        self.was_ready.set()
        self._announce()

    async def _end_those_that_hang(self) -> None:
        """Kill a child that does nothing any more: the others answer for it, a fresh one takes its place."""
        since: dict[Child, float] = {}
        while True:
            now = trio.current_time()
            troubles = {child: child.trouble() for child in self._living}
            since = {child: since.get(child, now) for child, trouble in troubles.items() if trouble}
            for child, noticed in since.items():
                if now - noticed > PATIENCE:
                    words = "process %d (pid %d) %s: it is killed"
                    logger.error(words, child.number, child.pid, troubles[child])
                    child.signal(signal.SIGKILL)
            await trio.sleep(LOOK)

    async def _end_all(self) -> None:
        self._service.stopping()
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

    async def _without_deaths(self, signals: AsyncIterator[int]) -> AsyncIterator[int]:
        """The signals that are for the parent; SIGCHLD is seen to here."""
        self._bury()  # whoever ended before SIGCHLD was listened to
        async for number in signals:
            if number == signal.SIGCHLD:
                self._bury()
            else:
                yield number

    def _bury(self) -> None:
        for child in self._living:
            child.reap()
        self._living = [child for child in self._living if child.lives]
        if os.getpid() == 1:
            reap_orphans(self._living)
