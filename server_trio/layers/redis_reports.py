"""What each server of a site says of itself, and what waits on a channel: for those who look at the site.

A report lies in Redis for a few seconds under the server's id in the journal, packed (and encrypted) as a
message is, so that asgi_redis's own `deserialize` reads it, too.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from .base import Message, Queue
from .redis_connection import RedisConnection
from .redis_scripts import Script
from .redis_source import Source

logger = logging.getLogger("server_trio.layers")

#: Seconds for which a report is kept; servers write one each second (reporting.py).
TTL: Final = 10

MOST_SERVERS: Final = 1000  # of one site that are read; who else can write to Redis may have invented more
_ID: Final = re.compile(rb"[A-Za-z0-9]{1,64}")

# KEYS: the channel's list
# Returns {its length, milliseconds that its oldest living message still has; -1 where there is none}.
QUEUE = Script("""
local length = redis.pcall('llen', KEYS[1])
if type(length) == 'table' then
    return {0, -1}  -- somebody else's key
end
for _, key in ipairs(redis.call('lrange', KEYS[1], 0, 99)) do
    local left = redis.call('pttl', key)
    if left >= 0 then
        return {length, left}
    end
end
return {length, -1}
""")


class Reports:
    """The reports that lie on one shard. `own_id` tells this server's id in its journal."""

    def __init__(self, source: Source, connection: RedisConnection, own_id: Callable[[], str]) -> None:
        self._source = source
        self._connection = connection
        self._own_id = own_id

    async def publish(self, report: Message) -> None:
        """Raises LayerUnavailable, and MessageRefused for what no message can carry."""
        key = self._source.report_key(self._own_id())
        _, payload = self._source.codec.encode("report", report)
        await self._connection.command("SET", key, payload, "EX", TTL)

    async def withdraw(self) -> None:
        """At the end: there is nothing more to say. Raises LayerUnavailable."""
        await self._connection.command("DEL", self._source.report_key(self._own_id()))

    async def all(self) -> list[Message]:
        """What there is; what no server has written is left out. Raises LayerUnavailable."""
        return [report for report in await self._read() if isinstance(report, dict)]

    async def unreadable(self) -> int:
        """How many there are that are no reports with this layer's keys. Raises LayerUnavailable."""
        return sum(not isinstance(report, dict) for report in await self._read())

    async def _read(self) -> list[Any]:
        ids = await self._connection.command("HKEYS", self._source.servers_key)
        keys = [self._source.report_key(id.decode("ascii")) for id in ids[:MOST_SERVERS] if _ID.fullmatch(id)]
        values = await self._connection.command("MGET", *keys) if keys else []
        return [
            self._source.codec.decode("report", memoryview(value), any_age=True).content
            for value in values
            if value is not None
        ]

    async def queue(self, channel: str) -> Queue:
        """What waits on a channel of this shard. Raises LayerUnavailable."""
        length, left = await self._connection.run(QUEUE, [self._source.prefix + channel], [])
        age = 0.0 if left < 0 else max(0.0, self._source.expiry - left / 1000)
        return Queue(length, age)


def newest(found: Iterable[Message]) -> list[Message]:
    """The last report of each server, which leaves the same on every shard."""
    reports: dict[str, Message] = {}
    for report in found:
        id = repr(report.get("id"))  # of what no server wrote it may be no text, nor hashable
        known = reports.setdefault(id, report)
        if _time(report) > _time(known):
            reports[id] = report
    return list(reports.values())


def _time(report: Message) -> float:
    """When a report was written, epoch seconds."""
    at = report.get("at")
    return at if isinstance(at, float) else 0.0
