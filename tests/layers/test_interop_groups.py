"""Groups that stock asgi_redis and the bridge share on one Redis."""

from __future__ import annotations

import time

import pytest

from server_trio.layers import LayerSpec, open_layer
from server_trio.layers.open import make_backend
from tests.harness.redis_server import RedisServer

from .bench import Bench, contents
from .test_interop import stock


async def test_the_bridge_sends_to_the_groups_of_stock(redis_bench: Bench) -> None:
    other = stock(redis_bench)
    for number in range(30):
        other.group_add("room", f"daphne.response.{number:x}!x")
    async with redis_bench.open() as layer:
        await layer.group_send("room", {"n": 1})
    for number in range(30):
        assert other.receive([f"daphne.response.{number:x}!"]) == (f"daphne.response.{number:x}!x", {"n": 1})


async def test_members_that_joined_too_long_ago_are_dropped(redis: RedisServer) -> None:
    spec = LayerSpec("default", "asgi_redis.RedisChannelLayer", {"hosts": [redis.url], "group_expiry": 100})
    make_backend(spec).group_add("room", "reply?new")
    redis.command("ZADD", "asgi::group:room", 1, "reply?old")
    async with open_layer(spec) as layer:
        await layer.group_send("room", {"n": 1})
        assert await contents(layer, "reply?new") == [{"n": 1}]
    assert make_backend(spec).receive(["reply?old"]) == (None, None)
    assert redis.command("ZCARD", "asgi::group:room") == 1


async def test_stock_sends_to_those_whom_the_bridge_has_put_into_a_group(redis_bench: Bench) -> None:
    other = stock(redis_bench)
    names = [f"reply?{number}" for number in range(10)]
    async with redis_bench.open() as layer:
        for name in names:
            await layer.group_add("room", name)
            await layer.group_add(f"room.{name[-1]}", name)  # groups of every shard
        assert sorted(other.group_channels("room")) == names
        other.group_discard("room", names[0])
        await layer.group_discard("room", names[1])
        for name in names[2:]:
            assert other.group_channels(f"room.{name[-1]}") == [name]
    other.send_group("room", {"n": 1})
    got = [name for name in names if other.receive([name]) == (name, {"n": 1})]
    assert got == names[2:]


@pytest.mark.parametrize("by", ["stock", "bridge"])
async def test_a_group_lies_in_redis_as_stock_lays_it(redis: RedisServer, by: str) -> None:
    spec = LayerSpec("default", "asgi_redis.RedisChannelLayer", {"hosts": [redis.url], "group_expiry": 77})
    before = time.time()
    if by == "stock":
        make_backend(spec).group_add("room", "reply?one")
    else:
        async with open_layer(spec) as layer:
            await layer.group_add("room", "reply?one")
    score = redis.command("ZSCORE", "asgi::group:room", "reply?one")
    assert isinstance(score, bytes)
    assert before <= float(score) <= time.time()
    assert redis.command("TTL", "asgi::group:room") in (76, 77)


async def test_joining_again_renews_a_membership(redis: RedisServer) -> None:
    spec = LayerSpec("default", "asgi_redis.RedisChannelLayer", {"hosts": [redis.url], "group_expiry": 100})
    redis.command("ZADD", "asgi::group:room", 1, "reply?one")
    async with open_layer(spec) as layer:
        await layer.group_add("room", "reply?one")
        await layer.group_send("room", {"n": 1})
        assert await contents(layer, "reply?one") == [{"n": 1}]
