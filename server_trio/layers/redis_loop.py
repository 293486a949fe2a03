"""The one asyncio loop of the Redis bridge: kept open, and reopened when it falls."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import trio
import trio_asyncio  # type: ignore[import-untyped]

from .redis_stream import RedisStream

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup  # type: ignore[import-not-found]

logger = logging.getLogger("server_trio.layers")

T = TypeVar("T")

REOPEN_DELAY = 0.1  # seconds; a loop that falls at once must not take the processor with it
END_TIMEOUT = 1.0  # seconds for a cancelled coroutine to end; closing a connection takes no round trip


class LoopFell(Exception):
    """The asyncio loop went down while the call was on its way; whether it was done is unknown."""


class AsyncioLoop:
    """Runs asyncio coroutines for Trio tasks, in a loop that nothing else uses.

    An asyncio error that nobody waits for (a callback, a task that was never awaited) takes a
    trio-asyncio loop down (trio_asyncio/_async.py:17-57), and leaves the loop's other tasks
    hanging (its end skips their cancellation when its own nursery is cancelled, _loop.py:519-541).
    So this class keeps track of them: their callers get LoopFell, and a new loop is opened.
    """

    def __init__(self) -> None:
        self._loop: Any = None
        self._opened = trio.Event()
        self._running: dict[asyncio.Task[Any], trio.Event] = {}
        #: Connections made in the open loop; those still here when it ends are over.
        self.streams: set[RedisStream] = set()
        self.falls = 0
        self._session = trio.CancelScope()

    def reopen(self, reason: str) -> None:
        """Close the loop and open another one; who waits for something in it gets LoopFell."""
        logger.error("the asyncio loop of the Redis bridge is opened again: %s", reason)
        self.falls += 1
        self._session.cancel()

    async def serve(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep a loop open until cancelled."""
        started = False
        while True:
            try:
                async with trio_asyncio.open_loop() as loop:
                    self._loop = loop
                    self._opened.set()
                    if not started:
                        started = True
                        task_status.started()
                    self._session = trio.CancelScope()
                    try:
                        with self._session:
                            await trio.sleep_forever()
                    finally:
                        # At once: what starts while the loop unwinds would never be waited for.
                        self._loop, self._opened = None, trio.Event()
                        await self._end(loop)
            except BaseExceptionGroup as group:
                _, errors = group.split(trio.Cancelled)
                if errors is None or not isinstance(errors, Exception):
                    raise
                self._note_fall(errors)
            except Exception as error:
                self._note_fall(error)
            await trio.sleep(REOPEN_DELAY)

    async def run(self, function: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
        """`await function(*args)` in the loop. Raises what it raises, and LoopFell.

        Cancelling cancels the coroutine once, as asyncio does, and waits END_TIMEOUT for its end.
        """
        while (loop := self._loop) is None:
            await self._opened.wait()
        task, done = self._start(loop, function(*args))
        try:
            await done.wait()
        except trio.Cancelled:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                task.cancel()
            with trio.move_on_after(END_TIMEOUT, shield=True):
                await done.wait()
            raise
        finally:
            self._running.pop(task, None)
        if not task.done() or task.cancelled():
            raise LoopFell("the asyncio loop fell")
        return task.result()

    def _start(self, loop: Any, coroutine: Coroutine[Any, Any, T]) -> tuple[asyncio.Task[T], trio.Event]:
        task: asyncio.Task[T] = loop.create_task(coroutine)
        done = self._running[task] = trio.Event()
        task.add_done_callback(self._finish)
        return task, done

    def _finish(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not call it unhandled if nobody waits any more
        if (done := self._running.get(task)) is not None:
            done.set()

    async def _end(self, loop: Any) -> None:
        """Cancel what runs, and close what is open. After that nobody waits for anything in the loop."""
        with trio.move_on_after(END_TIMEOUT, shield=True):
            for task in self._running:
                task.cancel()
            for done in list(self._running.values()):
                await done.wait()
        for done in self._running.values():
            done.set()
        self._running.clear()
        while self.streams:
            self.streams.pop().close(LoopFell("the asyncio loop fell"))

    def _note_fall(self, error: Exception) -> None:
        self.falls += 1
        logger.error("the asyncio loop of the Redis bridge fell and is opened again", exc_info=error)
