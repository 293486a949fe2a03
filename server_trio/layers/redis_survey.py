"""What one Redis is like, as far as it tells: for the command that looks for what could go wrong."""

from __future__ import annotations

import time
from typing import Any, Final

import redis

from channels_async.redis_rules import ShardFacts

from .redis_connection import RedisConnection
from .redis_reports import Reports
from .redis_source import Source

#: Calls of SCAN, of about a thousand keys each: a large Redis is not read through for a hint.
SCANS: Final = 20


async def survey(
    source: Source, connection: RedisConnection, reports: Reports, label: str, channel: str
) -> ShardFacts:
    """Raises LayerUnavailable. What this user may not ask (ACL) or the server does not know stays unknown."""
    before = time.time()
    server, memory, clock = await connection.exchange(("INFO", "server"), ("INFO", "memory"), ("TIME",))
    here = (before + time.time()) / 2
    about = {**_fields(server), **_fields(memory)}
    maxmemory = about.get("maxmemory", "")
    there = int(clock[0]) + int(clock[1]) / 1e6 if isinstance(clock, list) else here
    return ShardFacts(
        label=label,
        version=version_of(server),
        maxmemory=int(maxmemory) if maxmemory.isdigit() else None,
        policy=about.get("maxmemory_policy"),
        ahead=there - here,
        prefixes=await _other_prefixes(source, connection, channel),
        unreadable=await reports.unreadable(),
    )


async def _other_prefixes(source: Source, connection: RedisConnection, channel: str) -> list[str]:
    """Of layers whose channel of that name has messages."""
    found: set[str] = set()
    cursor = b"0"
    for _ in range(SCANS):
        (reply,) = await connection.exchange(("SCAN", cursor, "MATCH", f"*:{channel}", "COUNT", 1000))
        if isinstance(reply, redis.RedisError):
            break
        cursor, keys = reply
        for key in keys:
            prefix = bytes(key[: -len(channel)]).decode("utf-8", "backslashreplace")
            # `asgi::claimed:<id>:<channel>` and the like are keys of ours, or of a layer found by its list.
            if prefix != source.prefix and "::" not in prefix:
                found.add(prefix)
        if cursor == b"0":
            break
    return sorted(found)


def version_of(info: Any) -> tuple[int, ...]:
    """redis_version in the reply to INFO server, (0,) if missing. Valkey states the Redis it is like."""
    numbers = _fields(info).get("redis_version", "").split(".")
    return tuple(int(part) for part in numbers if part.isdigit()) or (0,)


def _fields(info: Any) -> dict[str, str]:
    """The lines of a reply to INFO; none of an error reply."""
    if not isinstance(info, bytes):
        return {}
    lines = info.decode("utf-8", "replace").splitlines()
    return {name: value for name, _, value in (line.partition(":") for line in lines)}
