"""A hand that writes anything to any key of two running servers loses operations, and ends none."""

from __future__ import annotations

import contextlib
import random
import re

import msgpack
import pytest

from tests.harness.redis_server import RedisServer
from tests.harness.resp import RedisError

ROUNDS = 6000
SEEDS = [1, 2]

GOOD = msgpack.packb({"operation": "REQUEST", "reply_channel": "a!b", "url": "http://127.0.0.1:1/"})
VALUES = [
    b"", b" ", b"\xff\xfe", b"\n", b"1 2 3", b"dead 7", b"1 nan x y", b"S1 1.5 in \x80", b"9" * 5000, GOOD,
    b"1 1700000000.0 request.async " + GOOD, b"asgi:request.async", b"asgi::servers", b"asgi:" + b"0" * 32,
]  # fmt: skip
KEYS = [
    b"asgi::servers", b"asgi::news", b"asgi::dead", b"asgi::journal:dead1", b"asgi::claims:dead1",
    b"asgi:request.async", b"asgi:http.disconnect",
]  # fmt: skip


def strike(redis: RedisServer, chance: random.Random) -> None:
    """Write one thing somewhere, or take one away."""

    def value() -> bytes:
        return chance.choice(VALUES)

    found = redis.command("KEYS", "asgi*")
    assert isinstance(found, list)
    key = chance.choice([*KEYS, *(key for key in found if len(key) < 200)])
    kind = redis.command("TYPE", key)
    dead = b"dead%d" % chance.randrange(5)
    field = value()
    if kind == b"hash" and chance.random() < 0.5:
        fields = redis.command("HKEYS", key)
        field = chance.choice(fields) if isinstance(fields, list) and fields else field
    commands = [
        ("RPUSH", key, value()), ("HSET", key, field, value()), ("SADD", key, value()),
        ("XADD", key, "*", value(), value()), ("XADD", key, "*", "by", value(), "text", b"gone " + value()),
        ("HSET", "asgi::servers", dead, value()), ("HSET", b"asgi::journal:" + dead, value(), value()),
    ]  # fmt: skip
    if chance.random() < 0.02:
        commands = [("DEL", key), ("SET", key, value())]
    with contextlib.suppress(RedisError):  # of a key of another kind
        redis.command(*chance.choice(commands))


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_is_written_to_any_key_no_server_ends(redis, start_server, upstream, seed):
    servers = [start_server(), start_server()]
    chance = random.Random(seed)
    for number in range(ROUNDS):
        strike(redis, chance)
        if number % 20 == 0:
            with contextlib.suppress(RedisError):
                servers[0].ask(f"{upstream.url}/echo/{number}")
    redis.command("FLUSHALL")
    for _ in range(5):
        servers[0].ask(upstream.url + "/echo/after")
        assert servers[0].answer()["status"] == 200
    for server in servers:
        assert server.process.returncode is None
        assert not re.search("Traceback", server.process.output())
