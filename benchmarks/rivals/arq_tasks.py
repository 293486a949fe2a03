"""arq: `arq_tasks.py work`; `arq_tasks.py enqueue NUMBER URL`."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import aiohttp
import uvloop
from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker, func
from replying import DAPHNE, HEADERS, SEND, first_message, key, new_channel, outstanding, redis_url, wanted

SETTINGS = RedisSettings.from_dsn(redis_url())


async def call(context: dict[str, Any], url: str, channel: str) -> None:
    async with context["session"].get(url, headers=HEADERS) as response:
        content = await response.read()
    reply = first_message(channel, response.status, response.raw_headers, content)
    await context["send"](keys=[DAPHNE, key()], args=[reply])


async def startup(context: dict[str, Any]) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    context["session"] = aiohttp.ClientSession(connector=connector, auto_decompress=False)
    context["send"] = context["redis"].register_script(SEND)


async def enqueue(number: int, url: str) -> None:
    pool = await create_pool(SETTINGS)
    for begin in range(0, number, 100):
        count = min(100, number - begin)
        await asyncio.gather(*(pool.enqueue_job("call", url, new_channel()) for _ in range(count)))


def main() -> None:
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    if sys.argv[1] == "enqueue":
        asyncio.run(enqueue(*wanted()))
        return
    asyncio.set_event_loop(asyncio.new_event_loop())
    worker = Worker(
        [func(call, name="call", keep_result=0)],
        redis_settings=SETTINGS,
        on_startup=startup,
        max_jobs=outstanding(),
        poll_delay=0.01,
    )
    worker.run()


if __name__ == "__main__":
    main()
