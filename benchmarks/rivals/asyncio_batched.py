"""The best that asyncio can do: the one to beat.

redis.asyncio with hiredis, claims of many messages in one Lua call, replies of many operations in one other,
aiohttp with its parser in C and a pool of connections, uvloop, msgspec. No journal, no deadlines, no
cancellation, no redirects beyond aiohttp's, no retries: only the work.
"""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import msgspec
import redis.asyncio
import uvloop
from replying import DAPHNE, REQUESTS, SEND, first_message, key, next_message, outstanding, redis_url

BATCH = 64  # operations in one claim; with more, those who wait for the answers have less to do meanwhile
CHUNK = 512 * 1024  # bytes of a body in one message to daphne, as with us
BATCH_BYTES = 4 * 1024 * 1024  # of replies in one call; what waits beyond it holds its readers up

CLAIM = """
local keys = redis.call('LRANGE', KEYS[1], 0, ARGV[1] - 1)
if #keys == 0 then return {} end
redis.call('LTRIM', KEYS[1], #keys, -1)
local found = redis.call('MGET', unpack(keys))
redis.call('DEL', unpack(keys))
return found
"""


class Request(msgspec.Struct):
    """What is needed of an operation's message."""

    url: str
    reply_channel: str
    method: str
    headers: list[tuple[bytes, bytes]]


class Sender:
    """Sends what has gathered while the last call was under way."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._script = client.register_script(SEND)
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._some = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def put(self, body: bytes) -> None:
        self._waiting.append(body)
        self._bytes += len(body)
        self._some.set()
        if self._bytes >= BATCH_BYTES:
            self._room.clear()

    async def room(self) -> None:
        """Wait until there is room for a further chunk."""
        await self._room.wait()

    async def run(self) -> None:
        while True:
            await self._some.wait()
            bodies, self._waiting, self._bytes = self._waiting, [], 0
            self._some.clear()
            self._room.set()
            for begin in range(0, len(bodies), 1000):
                part = bodies[begin : begin + 1000]
                await self._script(keys=[DAPHNE, *(key() for _ in part)], args=part)


async def operation(session: aiohttp.ClientSession, sender: Sender, request: Request) -> None:
    channel = request.reply_channel
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers]
    async with session.request(request.method, request.url, headers=headers) as response:
        raw = response.raw_headers
        length = response.content_length
        if length is not None and length <= CHUNK:
            sender.put(first_message(channel, response.status, raw, await response.read()))
            return
        first = True
        chunk = await whole_chunk(response.content)
        while True:
            following = await whole_chunk(response.content)
            await sender.room()
            more = bool(following)
            if first:
                sender.put(first_message(channel, response.status, raw, chunk, more))
            else:
                sender.put(next_message(channel, chunk, more))
            first, chunk = False, following
            if not more:
                return


async def whole_chunk(content: aiohttp.StreamReader) -> bytes:
    """The next CHUNK bytes, or what is left."""
    parts, size = [], 0
    while size < CHUNK:
        part = await content.read(CHUNK - size)
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)


async def main() -> None:
    client = redis.asyncio.Redis.from_url(redis_url(), socket_timeout=None)
    claim = client.register_script(CLAIM)
    decode = msgspec.msgpack.Decoder(Request).decode
    sender = Sender(client)
    sending = asyncio.create_task(sender.run())
    running: set[asyncio.Task[None]] = set()
    most = max(20_000, outstanding())
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        while not sending.done():
            bodies: list[Any] = await claim(keys=[REQUESTS], args=[min(BATCH, most - len(running))])
            for body in bodies:
                task = asyncio.create_task(operation(session, sender, decode(body)))
                running.add(task)
                task.add_done_callback(running.discard)
            if not bodies:
                taken = await client.blpop(REQUESTS, 5)
                if taken:
                    await client.lpush(REQUESTS, taken[1])
            while len(running) >= most:
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(main())
