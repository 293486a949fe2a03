"""taskiq: `taskiq worker taskiq_tasks:broker`; `taskiq_tasks.py enqueue NUMBER URL`."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import redis.asyncio
from replying import DAPHNE, HEADERS, SEND, first_message, key, new_channel, redis_url, wanted
from taskiq import TaskiqEvents, TaskiqState
from taskiq_redis import ListQueueBroker

broker = ListQueueBroker(redis_url(), socket_timeout=None)
parts: dict[str, Any] = {}


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def startup(_: TaskiqState) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    parts["session"] = aiohttp.ClientSession(connector=connector, auto_decompress=False)
    parts["send"] = redis.asyncio.Redis.from_url(redis_url()).register_script(SEND)


@broker.task(task_name="call")
async def call(url: str, channel: str) -> None:
    async with parts["session"].get(url, headers=HEADERS) as response:
        content = await response.read()
    reply = first_message(channel, response.status, response.raw_headers, content)
    await parts["send"](keys=[DAPHNE, key()], args=[reply])


async def enqueue(number: int, url: str) -> None:
    await broker.startup()
    for begin in range(0, number, 100):
        count = min(100, number - begin)
        await asyncio.gather(*(call.kiq(url, new_channel()) for _ in range(count)))
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(enqueue(*wanted()))
