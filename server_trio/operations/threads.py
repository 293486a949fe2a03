"""Plain functions of the project, each in a thread.

A thread cannot be ended from outside. When the operation is over before it, the thread is left to
itself: it keeps its place among the others until it really ends, and its operation's id in the log
says so. The end of the server does not wait for it: Trio's threads are daemons.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import trio

logger = logging.getLogger(__name__)

_T = TypeVar("_T")


class Ended(Exception):
    """The function has raised what would have ended the whole server, such as SystemExit."""


class Threads:
    """Threads for plain functions, `limit` at once. `around` makes what is around the work in each."""

    def __init__(self, limit: int, around: Callable[[], AbstractContextManager[Any]]) -> None:
        self._limiter = trio.CapacityLimiter(limit)
        self._around = around

    async def run(self, what: str, function: Callable[..., _T], *args: Any) -> _T:
        """Return what `function(*args)` returns; `what` names it in the log.

        Waits for a free thread. Cancelled, it returns at once and leaves the thread to itself. Raises what
        the function raises; of a SystemExit or KeyboardInterrupt, Ended.
        """
        result: _T
        work = _Work(what, self._around, function, args)
        try:
            (result,) = await trio.to_thread.run_sync(work.run, limiter=self._limiter, abandon_on_cancel=True)
            return result
        except trio.Cancelled:
            work.abandon()
            raise


class _Work:
    """One function in its thread, and whether anybody still waits for it."""

    def __init__(
        self,
        what: str,
        around: Callable[[], AbstractContextManager[Any]],
        function: Callable[..., Any],
        args: tuple[Any, ...],
    ) -> None:
        self._what = what
        self._around = around
        self._function = function
        self._args = args
        self._lock = threading.Lock()  # held for an assignment only
        self._begun = self._ended = False
        self._abandoned_at: float | None = None

    def run(self) -> tuple[Any]:
        """In the thread; the result in a tuple, for Trio takes no coroutine out of a thread."""
        with self._lock:
            self._begun = True
        failure: BaseException | None = None
        try:
            with self._around():
                return (self._function(*self._args),)
        except (SystemExit, KeyboardInterrupt) as error:
            failure = error
            raise Ended(f"the function raised {type(error).__name__}") from error
        except BaseException as error:
            failure = error
            raise
        finally:
            self._end(failure)

    def abandon(self) -> None:
        """In the event loop: nobody waits any more."""
        with self._lock:
            if not self._begun or self._ended:
                return
            self._abandoned_at = time.monotonic()
        logger.warning("%s: goes on in its thread, where it cannot be ended, and keeps its place", self._what)

    def _end(self, failure: BaseException | None) -> None:
        with self._lock:
            self._ended = True
        if self._abandoned_at is None:
            return
        later = time.monotonic() - self._abandoned_at
        if isinstance(failure, Exception):
            logger.error("%s: failed in its thread, %.1f s later", self._what, later, exc_info=failure)
        else:
            logger.info("%s: has ended in its thread, %.1f s later", self._what, later)
