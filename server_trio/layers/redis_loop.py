"""The one asyncio loop of the Redis bridge: kept open, and reopened when it falls."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import trio
import trio_asyncio  # type: ignore[import-untyped]

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup  # type: ignore[import-not-found]

logger = logging.getLogger("server_trio.layers")

T = TypeVar("T")

REOPEN_DELAY = 0.1  # seconds; a loop that falls at once must not take the processor with it


class LoopFell(Exception):
    """The asyncio loop went down while the call was on its way; whether it was done is unknown."""


class AsyncioLoop:
    """Runs asyncio coroutines for Trio tasks, in a loop that nothing else uses.

    An asyncio error that nobody waits for (a callback, a task that was never awaited) takes a
    trio-asyncio loop down (trio_asyncio/_async.py:17-57). Then the calls on their way raise
    LoopFell, and a new loop is opened.
    """

    def __init__(self) -> None:
        self._loop: Any = None
        self._opened = trio.Event()
        self.falls = 0

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
                    try:
                        await trio.sleep_forever()
                    finally:
                        # At once: what starts while the loop unwinds would never be waited for.
                        self._loop, self._opened = None, trio.Event()
            except BaseExceptionGroup as group:
                _, errors = group.split(trio.Cancelled)
                if errors is None or not isinstance(errors, Exception):
                    raise
                self._note_fall(errors)
            except Exception as error:
                self._note_fall(error)
            await trio.sleep(REOPEN_DELAY)

    def _note_fall(self, error: Exception) -> None:
        self.falls += 1
        logger.error("the asyncio loop of the Redis bridge fell and is opened again", exc_info=error)

    @property
    def current(self) -> object | None:
        """The open loop, None while there is none. What was made in another one is of no use any more."""
        loop: object | None = self._loop
        return loop

    async def run(self, function: Callable[..., Awaitable[T]], *args: Any) -> T:
        """`await function(*args)` in the loop. Raises what it raises, and LoopFell.

        Cancelling cancels the coroutine once, as asyncio does, and waits for it to end.
        """
        while (loop := self._loop) is None:
            await self._opened.wait()
        try:
            result: T = await loop.run_aio_coroutine(function(*args))
        except asyncio.CancelledError as error:
            raise LoopFell("the asyncio loop fell") from error
        return result
