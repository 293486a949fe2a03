"""Mixed load: operations of all kinds, put on the channel as a site would do it, and their answers."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable
from typing import Any

import msgpack

from channels_async import wire
from tests.harness.redis_server import RedisServer
from tests.soak.ledger import Entry, Ledger

PREFIX = "asgi:"  # asgi_redis's own (asgi_redis/core.py:42)
REPLIES = "daphne.response.SoakSoakSo!"
TIMEOUT = 15.0  # seconds that an operation may take

#: What asgi_redis does when it sends (asgi_redis/core.py:528-545), and what daphne does when it receives;
#: each in one step, so that a message is never only on its way.
SEND = """
redis.call('SET', KEYS[2], ARGV[1], 'EX', 60)
redis.call('RPUSH', KEYS[1], KEYS[2])
redis.call('EXPIRE', KEYS[1], 61)
"""
TAKE = """
local keys = redis.call('LRANGE', KEYS[1], 0, 99)
if #keys == 0 then return {} end
redis.call('LTRIM', KEYS[1], #keys, -1)
local found = redis.call('MGET', unpack(keys))
redis.call('DEL', unpack(keys))
return found
"""

#: method, path at the upstream, whether its answer holds the number; how often each is chosen.
REQUESTS: list[tuple[int, str, str, bool]] = [
    (30, "GET", "/echo/{}", True),
    (25, "POST", "/echo/{}", True),
    (10, "GET", "/delay/0.5?n={}", False),
    (5, "POST", "/delay/1?n={}", False),
    (5, "GET", "/drip/5?interval=0.1&n={}", False),
    (3, "GET", "/bytes/2000000?n={}", False),
    (4, "GET", "/disconnect?n={}", False),
    (4, "POST", "/disconnect?n={}", False),
    (3, "GET", "/truncated?n={}", False),
    (3, "GET", "/garbage?n={}", False),
    (1, "GET", "/hang?n={}", False),
]


class Load:
    """Asks at random, as many outstanding as allowed, and enters all that happens into the ledger."""

    def __init__(self, redis: RedisServer, upstream: str, ledger: Ledger, choose: random.Random) -> None:
        self._redis = redis
        self._upstream = upstream
        self._ledger = ledger
        self._choose = choose
        self._number = 0

    def run(self, seconds: float, outstanding: int, is_enough: Callable[[], bool] = bool) -> None:
        """Ask for so many seconds, or until `is_enough`."""
        end = time.monotonic() + seconds
        with self._redis.connect() as connection:
            while time.monotonic() < end and not is_enough():
                for _ in range(min(10, outstanding - self._ledger.outstanding)):
                    self._ask(connection)
                self.take(connection)
                if self._choose.random() < 0.05:
                    self._leave(connection)
                time.sleep(0.01)

    def wait(self, seconds: float) -> None:
        """Until all are answered, for so long at the most."""
        end = time.monotonic() + seconds
        with self._redis.connect() as connection:
            while time.monotonic() < end and (self._ledger.outstanding or self.take(connection)):
                self.take(connection)
                time.sleep(0.01)

    def _ask(self, connection: Any) -> None:
        self._number += 1
        name = REPLIES + uuid.uuid4().hex
        entry, details = self._operation(self._number)
        content = wire.encode(
            uuid.uuid4().hex, name, entry.operation, sent_at=time.time(), timeout=TIMEOUT, **details
        )
        self._ledger.asked(name, entry)
        self._put(connection, "request.async", content)

    def _operation(self, number: int) -> tuple[Entry, dict[str, Any]]:
        kind = self._choose.choices(["REQUEST", "FORWARD", "CALL", "COMMAND"], [70, 20, 8, 2])[0]
        now = time.monotonic()
        if kind == "CALL":
            return Entry(number, kind, "", "", now, echoes=True), {"function": "soak.say", "args": [number]}
        if kind == "COMMAND":
            parameters = {"number": str(number)}
            return Entry(number, kind, "", "", now, echoes=True), {"command": "say", "parameters": parameters}
        weights = [weight for weight, *_ in REQUESTS]
        _, method, path, echoes = self._choose.choices(REQUESTS, weights)[0]
        path = path.format(number)
        details = {"method": method, "url": self._upstream + path}
        if method == "POST":
            details["body"] = b"x" * self._choose.choice([1, 1000, 20_000])
        return Entry(number, kind, method, path, now, echoes), details

    def _leave(self, connection: Any) -> None:
        """One browser closes its connection; daphne says so (daphne/http_protocol.py:203-216)."""
        waiting = self._ledger.waiting()
        if waiting:
            name = self._choose.choice(waiting)
            self._ledger.left(name)
            self._put(connection, "http.disconnect", {"reply_channel": name, "path": "/"})

    @staticmethod
    def _put(connection: Any, channel: str, content: dict[str, Any]) -> None:
        body = msgpack.packb(content, use_bin_type=True)
        connection.command("EVAL", SEND, 2, PREFIX + channel, PREFIX + uuid.uuid4().hex, body)

    def take(self, connection: Any) -> int:
        """Take the answers that wait; return how many messages there were."""
        packed = connection.command("EVAL", TAKE, 1, PREFIX + REPLIES)
        for each in packed:
            if each is None:
                continue
            message = msgpack.unpackb(each, raw=False)
            self._ledger.answered(message.pop("__asgi_channel__"), message)
        return len(packed)
