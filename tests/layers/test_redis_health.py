"""What is said of a shard whose connections do not find out at the same moment that it is back."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio

from server_trio.errors import LayerUnavailable
from server_trio.layers import redis_connection
from server_trio.layers.open import make_backend
from server_trio.layers.redis_connection import RedisConnection, ShardHealth
from server_trio.layers.redis_loop import AsyncioLoop
from server_trio.layers.redis_source import read_source
from tests.harness.redis_server import RedisServer, redis_server

from .bench import redis_spec
from .proxy import Proxy, open_proxy


@asynccontextmanager
async def two_connections(
    redis: RedisServer, proxy: Proxy
) -> AsyncIterator[tuple[ShardHealth, RedisConnection, RedisConnection]]:
    """Of one shard: to the Redis itself, and through the proxy, which stands for an address of before."""
    endpoints = read_source(make_backend(redis_spec([redis.url, proxy.url])())).endpoints
    loop, health = AsyncioLoop(), ShardHealth("the shard")
    async with trio.open_nursery() as nursery:
        await nursery.start(loop.serve)
        here, there = (RedisConnection(loop, endpoint, health) for endpoint in endpoints)
        yield health, here, there
        here.close()
        there.close()
        nursery.cancel_scope.cancel()


async def fails(connection: RedisConnection) -> None:
    with pytest.raises(LayerUnavailable):
        await connection.command("PING")


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What has been logged. An outage is over with the first answer."""
    monkeypatch.setattr(redis_connection, "SETTLED", 0.0)
    caplog.set_level(logging.WARNING, "server_trio")
    return lambda: [record.getMessage() for record in caplog.records]


async def test_an_attempt_of_before_that_fails_after_another_was_answered_is_no_new_outage(
    redis: RedisServer, lines: Callable[[], list[str]]
) -> None:
    async with open_proxy(redis) as proxy, two_connections(redis, proxy) as (health, here, there):
        await here.command("PING")
        await there.command("PING")
        proxy.cut()
        await fails(there)
        assert not health.connected
        proxy.fall_silent()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fails, there)
            await proxy.wait_for_lines(1)
            await here.command("PING")
            assert health.connected
            proxy.cut()
        assert health.connected
        proxy.speak()
        await there.command("PING")
    assert len(lines()) == 2, lines()
    assert "answers again" in lines()[1]
    assert health.outages == 1


async def test_the_next_outage_is_said_whoever_finds_it(lines: Callable[[], list[str]]) -> None:
    with redis_server() as redis:
        async with open_proxy(redis) as proxy, two_connections(redis, proxy) as (health, here, there):
            for first, second in ((here, there), (there, here)):
                await here.command("PING")
                await there.command("PING")
                redis.kill()
                await fails(first)
                await fails(second)
                redis.start()
                await second.command("PING")
            assert health.outages == 2
    assert ["answers again" in line for line in lines()] == [False, True, False, True], lines()


async def test_an_outage_with_answers_in_between_is_one(
    redis: RedisServer, lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a failover, while some find the new master and others find none."""
    monkeypatch.setattr(redis_connection, "SETTLED", 3600.0)
    async with open_proxy(redis) as proxy, two_connections(redis, proxy) as (health, here, there):
        for _ in range(3):
            await here.command("PING")
            await there.command("PING")
            assert health.connected
            proxy.cut()
            await fails(there)
            assert not health.connected
        await here.command("PING")
        assert len(lines()) == 1, lines()
        monkeypatch.setattr(redis_connection, "SETTLED", 0.0)
        await here.command("PING")
        await here.command("PING")
    assert len(lines()) == 2, lines()
    assert health.outages == 1
