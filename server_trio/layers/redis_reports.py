"""What each server of a site says of itself, and what waits on a channel: for those who look at the site.

A report lies in Redis for a few seconds under the server's id in the journal, packed (and encrypted) as a
message is, so that asgi_redis's own `deserialize` reads it, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

import redis
import trio

from channels_async.report_bounds import LONGEST_READING, LONGEST_REPORT, MOST_SERVERS, bounded

from .base import Message, Queue
from .redis_connection import RedisConnection
from .redis_scripts import Script
from .redis_source import Source

#: Seconds for which a report is kept; servers write one each second (reporting.py).
TTL: Final = 10

READ_AT_ONCE: Final = 16  # reports
ID_LENGTH: Final = 64
_ID: Final = re.compile(rb"[A-Za-z0-9]{1,64}")

# KEYS: the hash of servers. ARGV: how many are wanted at the most, and of how many bytes each.
# Returns ids. Who else can write to Redis may have invented many.
IDS = Script("""
local found = {}
for _, id in ipairs(redis.call('hkeys', KEYS[1])) do
    if #found < tonumber(ARGV[1]) and #id <= tonumber(ARGV[2]) then
        found[#found + 1] = id
    end
end
return found
""")

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
        """What there is; what no server can have written is left out. Raises LayerUnavailable."""
        return [report for report in await self._read() if report is not None]

    async def unreadable(self) -> int:
        """How many there are that are no reports with this layer's keys. Raises LayerUnavailable."""
        return (await self._read()).count(None)

    async def _read(self) -> list[Message | None]:
        """Each as report_rules may read it; None for what is none."""
        found: list[Message | None] = []
        for value in await self._values():
            report = self._source.codec.decode("report", memoryview(value), any_age=True)
            found.append(bounded(report.content))
            await trio.lowlevel.checkpoint()  # this took up to some 10 ms; operations get their turn
        return found

    async def _values(self) -> list[bytes]:
        """What lies where reports do, but for what is larger than a report can be: that is not even read."""
        ids = await self._connection.run(IDS, [self._source.servers_key], [MOST_SERVERS, ID_LENGTH])
        keys = [self._source.report_key(id.decode("ascii")) for id in ids if _ID.fullmatch(id)]
        found: list[bytes] = []
        left = LONGEST_READING
        for start in range(0, len(keys), READ_AT_ONCE):
            asked = [("GETRANGE", key, 0, LONGEST_REPORT) for key in keys[start : start + READ_AT_ONCE]]
            for reply in await self._connection.exchange(*asked):
                if isinstance(reply, redis.RedisError):
                    if not str(reply).startswith("WRONGTYPE"):  # a key of somebody else's
                        raise self._connection.refused(reply) from reply
                    continue
                left -= len(reply)
                if left < 0:
                    return found
                if 0 < len(reply) <= LONGEST_REPORT:
                    found.append(reply)
        return found

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
