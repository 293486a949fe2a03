"""What may be left when a soak is over: hardly anything."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

import msgpack

from tests.acceptance.server.crowd import names_of
from tests.harness.processes import descendants
from tests.harness.redis_server import RedisServer
from tests.soak.load import PREFIX
from tests.soak.rules import Fault
from tests.soak.servers import Server

MOST_MEMORY = 250 * 1024 * 1024  # bytes of one server
MOST_OPEN_FILES = 250  # of one server; its connections to the upstream among them

#: Receipts and news go with their TTL, a minute or ten at the most; asgi_redis's own counters; operations
#: that killed too many servers, which a soak does often enough for some to be given up.
LASTING = (f"{PREFIX}:receipt:", f"{PREFIX}:news", "asgi-meta:", f"{PREFIX}:dead", f"{PREFIX}:status")

MESSAGE = re.compile(f"{PREFIX}[0-9a-f]{{32}}")
#: Stock asgi_redis takes a message's name before its body. Where daphne or a worker is killed or loses its
#: connection in between, the body stays for as long as its TTL.
LOSE_MESSAGES = frozenset({"worker death", "redis restart", "no memory"})


def in_redis(redis: RedisServer, faults: Sequence[Fault]) -> list[str]:
    """Keys that should not be there, and keys that would be there for ever."""
    wrong = []
    lost = sum(2 for fault in faults if fault.kind in LOSE_MESSAGES)
    for name in names_of(redis):
        seconds = redis.command("TTL", name)
        if seconds == -1:
            wrong.append(f"left in Redis for ever: {name}")
        elif not name.startswith(LASTING):
            if lost and MESSAGE.fullmatch(name) and _is_of_the_site(redis, name):
                lost -= 1
                continue
            wrong.append(f"left in Redis for {seconds} s: {name} {_shown(redis, name)}")
    return wrong


def _is_of_the_site(redis: RedisServer, name: str) -> bool:
    """Whether it is a message between daphne and a worker or one to daphne: not one of a server's to take."""
    packed = redis.command("GET", name)
    message = msgpack.unpackb(packed, raw=False, strict_map_key=False) if isinstance(packed, bytes) else {}
    return "operation" not in message


def _shown(redis: RedisServer, name: str) -> str:
    kind = redis.command("TYPE", name)
    command = {b"string": ("GET", name), b"list": ("LRANGE", name, 0, 9), b"hash": ("HGETALL", name)}
    value = redis.command(*command[kind]) if kind in command else kind  # type: ignore[index]
    return repr(value)[:300]


def of_servers(servers: Sequence[Server]) -> list[str]:
    """Servers that have grown too large. They have had time to come to rest."""
    wrong = []
    for server in servers:
        if server.memory > MOST_MEMORY:
            wrong.append(f"server {server.pid} has {server.memory} bytes of memory")
        if server.open_files > MOST_OPEN_FILES:
            wrong.append(f"server {server.pid} has {server.open_files} files open")
    return wrong


def of_processes(known: Sequence[int]) -> list[str]:
    """Processes that live on, other than those."""
    left = descendants(os.getpid()) - set(known)
    return [f"process {pid} lives on" for pid in sorted(left)]
