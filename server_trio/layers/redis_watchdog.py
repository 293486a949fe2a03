"""Notices a receiver that is connected and yet receives nothing, whatever may be the reason.

Every exchange with Redis has its own time limit, after which a receiver tries again. So this has
nothing to do, as long as that holds: it is for what nobody has thought of, because a server that looks alive
and takes no messages is found out last.
"""

from __future__ import annotations

from collections.abc import Sequence

import trio

from ..rhythm import next_time
from .redis_claim import BLOCK_MARGIN, BLOCK_TIME
from .redis_connection import EXCHANGE_TIMEOUT
from .redis_loop import AsyncioLoop
from .redis_receive import Receiver

INTERVAL = 2.0  # seconds between two looks
LIMIT = BLOCK_TIME + BLOCK_MARGIN + EXCHANGE_TIMEOUT  # seconds; longer than any single step may take


async def watch(loop: AsyncioLoop, receivers: Sequence[Receiver]) -> None:
    """Reopen the loop, and with it every connection, when one of the receivers stands still."""
    while True:
        await trio.sleep_until(next_time(INTERVAL))
        still = max(receiver.stands_still for receiver in receivers)
        if still > LIMIT:
            loop.reopen(f"a receiver has made no progress for {still:.0f} s")
