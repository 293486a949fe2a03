"""Runs `async def` tests under Trio; apart from conftest.py because Python 2.7 reads that one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import trio
import trio.testing

REAL_BOUND = 120.0  # seconds; a test that hangs is named instead of ending the run
VIRTUAL_BOUND = 3600.0  # seconds of a clock that jumps
#: That of the test which runs; `jump_once` moves it on, so that it stays one of real seconds.
_BOUND: trio.lowlevel.RunVar[trio.CancelScope] = trio.lowlevel.RunVar("bound")


def run(test: Callable[[], Awaitable[None]], *, autojump: bool, jumpable: bool = False) -> None:
    """Run one test on the real clock, on one that jumps when all tasks wait, or on one for `jump_once`."""

    async def bounded() -> None:
        with trio.fail_after(VIRTUAL_BOUND if autojump else REAL_BOUND) as bound:
            _BOUND.set(bound)
            await test()

    clock = None
    if autojump:
        clock = trio.testing.MockClock(autojump_threshold=0)
    elif jumpable:
        clock = trio.testing.MockClock(rate=1.0)
    trio.run(bounded, clock=clock)


async def jump_once(condition: Callable[[], Any], seconds: float) -> None:
    """Set the clock forward by `seconds` once `condition()` is true; for tests that are `jumpable`.

    So a time that is long enough for any machine passes at once, and not before what it was for has happened.
    """
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, trio.testing.MockClock)
    with trio.fail_after(REAL_BOUND):
        while not condition():  # noqa: ASYNC110 - threads and processes do not tell
            await trio.sleep(0.005)
    _BOUND.get().deadline += seconds
    clock.jump(seconds)
