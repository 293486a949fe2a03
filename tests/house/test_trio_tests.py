"""What bounds a test that hangs: so many seconds of the real clock, also where its own is set forward."""

from __future__ import annotations

import pytest
import trio

from tests.harness.trio_tests import REAL_BOUND, jump_once


@pytest.mark.jumpable
async def test_a_clock_that_is_set_forward_leaves_a_test_its_time_and_no_more() -> None:
    await jump_once(lambda: True, 2 * REAL_BOUND)
    await trio.lowlevel.checkpoint()  # where it would end
    left = trio.current_effective_deadline() - trio.current_time()
    assert left <= REAL_BOUND
