"""What one turn of an event loop costs, and one step from Trio into asyncio:

    python benchmarks/event_loops.py [--turns 200000]

A turn is an `await` after which the same task goes on. A step is a call of an asyncio coroutine that does one
such turn, through trio-asyncio, as each call to Redis is one. Processor time of this process.
"""

from __future__ import annotations

import argparse
import asyncio
import time

import trio


async def in_trio(turns: int) -> None:
    for _ in range(turns):
        await trio.lowlevel.checkpoint()


async def in_asyncio(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


async def from_trio_into_asyncio(turns: int) -> None:
    import trio_asyncio  # only now: where it has been imported, asyncio's own loop is a slower one

    async with trio_asyncio.open_loop():
        for _ in range(turns):
            await trio_asyncio.aio_as_trio(asyncio.sleep)(0)


def main() -> None:
    """Run each for as many turns, print what one costs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=200000)
    turns = parser.parse_args().turns
    began = time.process_time()
    trio.run(in_trio, turns)
    of_trio, began = time.process_time() - began, time.process_time()
    asyncio.run(in_asyncio(turns))
    of_asyncio, began = time.process_time() - began, time.process_time()
    trio.run(from_trio_into_asyncio, turns // 10)
    of_step = (time.process_time() - began) * 10
    for name, seconds in (("Trio", of_trio), ("asyncio", of_asyncio), ("Trio into asyncio", of_step)):
        print(f"{name}: {seconds / turns * 1e6:.1f} us, {seconds / of_asyncio:.1f} of asyncio's")


if __name__ == "__main__":
    main()
