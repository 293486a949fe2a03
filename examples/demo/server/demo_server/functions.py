"""What the site may call: the names are in CALLS of demo/server_settings.py. Python 3, unlike the site."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import trio

from server_trio.calls import CallContext


async def page_status(url: str, context: CallContext) -> dict[str, Any]:
    """A dict becomes JSON. `context` has the server's HTTP session, and the seconds that are left."""
    async with context.http.stream("GET", url) as response:
        return {"status": response.status, "url": url}


def primes_below(number: int) -> list[int]:
    """A plain function runs in a thread; a list becomes JSON, too."""
    return [n for n in range(2, min(number, 10_000)) if all(n % d for d in range(2, int(n**0.5) + 1))]


async def clock_ticks(count: int = 5) -> AsyncIterator[str]:
    """What is yielded goes out at once."""
    for number in range(count):
        yield f"tick {number}\n"
        await trio.sleep(0.2)
