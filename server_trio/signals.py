"""What signals make of a server: SIGTERM and SIGINT end it, SIGHUP has a fresh process take its place."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol

import trio

from .reload import Origin, ReloadFailed, start_successor
from .signal_words import MEANINGS
from .supervisor import State, Supervisor
from .systemd import Service
from .task_tree import task_tree

if TYPE_CHECKING:
    from .status.listening import StatusServer  # needs hypercorn, which a server without --status does not

logger = logging.getLogger(__name__)


def obeyed() -> list[signal.Signals]:
    """The signals that are listened to. Not SIGHUP where whoever started this process ignores it (nohup)."""
    wanted = [number for signals in MEANINGS for number in signals]
    return [number for number in wanted if signal.getsignal(number) is not signal.SIG_IGN]


class Ruled(Protocol):
    """What signals are obeyed for: a server (Single, Member), or the parent of several."""

    def drain(self) -> None:
        """Finish what is in flight, then end."""
        ...

    def abort(self) -> None:
        """End now."""
        ...

    def reload(self) -> None:
        """Have fresh processes read the settings again."""
        ...

    def pass_on(self, number: int) -> None:
        """Do what any other signal asks for."""
        ...


class Obedience:
    """Does what signals ask for. `forced` says that the end at once was asked for."""

    def __init__(self, ruled: Ruled) -> None:
        self.forced = False
        self._ruled = ruled
        self._had_terminal = _has_terminal()
        self._is_asked_to_end = False

    async def obey(self, signals: AsyncIterator[int]) -> None:
        """Follow signals until cancelled."""
        async for number in signals:
            logger.info("%s received", signal.Signals(number).name)
            if number in (signal.SIGTERM, signal.SIGINT):
                self._end()
            elif number != signal.SIGHUP:
                self._ruled.pass_on(number)
            elif self._had_terminal and not _has_terminal():
                logger.info("the terminal has been closed")
                self._ruled.drain()
            else:
                self._ruled.reload()

    def _end(self) -> None:
        # A server that drains for its successor's sake is asked for the first time.
        if not self._is_asked_to_end:
            self._is_asked_to_end = True
            self._ruled.drain()
        else:
            self.forced = True
            self._ruled.abort()


class Single:
    """A server by itself: SIGHUP has it start its successor. What takes time runs in `nursery`.

    `status` goes to the successor, too.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        origin: Origin,
        nursery: trio.Nursery,
        service: Service,
        status: StatusServer | None = None,
    ) -> None:
        self._status = status
        self._supervisor = supervisor
        self._service = service
        self._origin = origin
        self._nursery = nursery
        self._reloading: trio.CancelScope | None = None

    def drain(self) -> None:
        if self._reloading is not None:
            self._reloading.cancel()
        self._service.stopping()
        self._supervisor.drain()

    def abort(self) -> None:
        self._supervisor.abort()

    def pass_on(self, number: int) -> None:
        _show_tasks()

    def reload(self) -> None:
        if os.getpid() == 1:
            logger.error(
                "as process 1 this one cannot be replaced, its container would end with it: "
                "restart the container to have the settings read again, or use --processes 2"
            )
        elif self._supervisor.state is not State.RUNNING:
            logger.info("this server is ending already")
        elif self._reloading is not None:
            logger.info("a fresh process is being started already")
        else:
            self._reloading = trio.CancelScope()
            self._nursery.start_soon(self._be_replaced, self._reloading)

    async def _be_replaced(self, scope: trio.CancelScope) -> None:
        logger.info("starting a fresh process, which reads the settings again")
        self._service.reloading()
        with scope:
            try:
                pid = await self._start_successor()
            except ReloadFailed as error:
                logger.error("the fresh process %s; this one goes on with the settings it has", error)
                self._service.ready()
            else:
                self._service.hand_over(pid)
                logger.info("process %d is ready and takes over", pid)
                self._supervisor.drain()
                if self._status is not None:
                    self._status.leave_to_successor()
        self._reloading = None

    async def _start_successor(self) -> int:
        if self._status is None:
            return await start_successor(self._origin)
        return await start_successor(self._origin, self._status.environment, [self._status.descriptor])


class Member:
    """A child of --processes. Its parent alone knows whether a signal is the second one.

    What is sent to the whole process group (Ctrl-C, systemd) comes here twice: by itself and by the parent.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self.forced = False
        self._supervisor = supervisor

    def drain(self) -> None:
        self._supervisor.drain()

    def abort(self) -> None:
        """A second signal is no more than the first; the parent's word for it is `force`."""
        self._supervisor.drain()

    def force(self) -> None:
        self.forced = True
        self._supervisor.abort()

    def reload(self) -> None:
        """The parent starts the one that takes over."""

    def pass_on(self, number: int) -> None:
        _show_tasks()


def _show_tasks() -> None:
    """On SIGUSR1. To stderr whatever LOGGING says, for somebody has asked for it."""
    if sys.stderr is None:  # it was closed when this process began
        return
    try:
        sys.stderr.write(task_tree())
        sys.stderr.flush()
    except (OSError, ValueError) as error:  # whoever read it has gone, its disk is full; it is closed
        logger.warning("the tree of tasks cannot be printed: %s", error)


def _has_terminal() -> bool:
    """Whether this process's session has a terminal that is still there (tty(4))."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
