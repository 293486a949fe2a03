"""What signals make of a server: SIGTERM and SIGINT end it, SIGHUP has a fresh process take its place."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import AsyncIterator

import trio

from .reload import Origin, ReloadFailed, start_successor
from .supervisor import State, Supervisor
from .systemd import notify

logger = logging.getLogger(__name__)


def obeyed() -> list[signal.Signals]:
    """The signals that are listened to. Not SIGHUP where whoever started this process ignores it (nohup)."""
    wanted = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
    return [number for number in wanted if signal.getsignal(number) is not signal.SIG_IGN]


class Obedience:
    """Does to one server what signals ask for. `forced` says that it was made to end at once."""

    def __init__(self, supervisor: Supervisor, origin: Origin) -> None:
        self.forced = False
        self._supervisor = supervisor
        self._origin = origin
        self._had_terminal = _has_terminal()
        self._is_asked_to_end = False
        self._reloading: trio.CancelScope | None = None

    async def obey(self, signals: AsyncIterator[int], nursery: trio.Nursery) -> None:
        """Follow signals until cancelled; what takes time runs in `nursery`."""
        async for number in signals:
            logger.info("%s received", signal.Signals(number).name)
            if number != signal.SIGHUP:
                self._end()
            elif self._had_terminal and not _has_terminal():
                logger.info("the terminal has been closed")
                self._drain()
            else:
                self._reload(nursery)

    def _end(self) -> None:
        # A server that drains for its successor's sake is asked for the first time.
        if not self._is_asked_to_end:
            self._is_asked_to_end = True
            self._drain()
        else:
            self.forced = True
            self._supervisor.abort()

    def _drain(self) -> None:
        if self._reloading is not None:
            self._reloading.cancel()
        self._supervisor.drain()

    def _reload(self, nursery: trio.Nursery) -> None:
        if os.getpid() == 1:
            logger.error(
                "as process 1 this one cannot be replaced, its container would end with it: "
                "restart the container to have the settings read again"
            )
        elif self._supervisor.state is not State.RUNNING:
            logger.info("this server is ending already")
        elif self._reloading is not None:
            logger.info("a fresh process is being started already")
        else:
            self._reloading = trio.CancelScope()
            nursery.start_soon(self._be_replaced, self._reloading)

    async def _be_replaced(self, scope: trio.CancelScope) -> None:
        logger.info("starting a fresh process, which reads the settings again")
        with scope:
            try:
                pid = await start_successor(self._origin)
            except ReloadFailed as error:
                logger.error("the fresh process %s; this one goes on with the settings it has", error)
            else:
                notify(f"MAINPID={pid}")
                logger.info("process %d is ready and takes over", pid)
                self._supervisor.drain()
        self._reloading = None


def _has_terminal() -> bool:
    """Whether this process's session has a terminal that is still there (tty(4))."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
