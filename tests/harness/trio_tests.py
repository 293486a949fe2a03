"""Runs `async def` tests under Trio; apart from conftest.py because Python 2.7 reads that one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio
import trio.testing

REAL_BOUND = 60.0  # seconds; a test that hangs is named instead of ending the run
VIRTUAL_BOUND = 3600.0  # seconds of a clock that jumps


def run(test: Callable[[], Awaitable[None]], *, autojump: bool) -> None:
    """Run one test on the real clock, or on one that jumps when all tasks wait."""

    async def bounded() -> None:
        with trio.fail_after(VIRTUAL_BOUND if autojump else REAL_BOUND):
            await test()

    trio.run(bounded, clock=trio.testing.MockClock(autojump_threshold=0) if autojump else None)
