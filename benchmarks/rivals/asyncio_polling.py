"""A stand-in for the server of 2017: asyncio, one operation after the other, and 100 ms of sleep when idle.

What it leaves out (logging, its parsing of reprs) would only make it slower; where there is always something
on the channel it does not sleep.
"""

from __future__ import annotations

import asyncio

import aiohttp
import msgspec
import redis.asyncio
from replying import DAPHNE, REQUESTS, SEND, first_message, key, redis_url

POLL = 0.1  # seconds


async def main() -> None:
    client = redis.asyncio.Redis.from_url(redis_url(), socket_timeout=None)
    send = client.register_script(SEND)
    async with aiohttp.ClientSession() as session:
        while True:
            taken = await client.lpop(REQUESTS)
            if taken is None:
                await asyncio.sleep(POLL)
                continue
            message = msgspec.msgpack.decode(await client.getdel(taken))
            headers = [(name.decode(), value.decode()) for name, value in message["headers"]]
            async with session.request(message["method"], message["url"], headers=headers) as response:
                content = await response.read()
                reply = first_message(
                    message["reply_channel"], response.status, response.raw_headers, content
                )
            await send(keys=[DAPHNE, key()], args=[reply])


if __name__ == "__main__":
    asyncio.run(main())
