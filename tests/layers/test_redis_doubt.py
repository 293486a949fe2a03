"""Sends that are cancelled, or get no answer, while their message is on its way."""

from __future__ import annotations

import contextlib
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from server_trio.errors import ChannelFull, LayerUnavailable, SendUnknown
from server_trio.layers import Layer, open_layer, redis_connection, redis_send
from tests.harness.redis_server import RedisServer
from tests.harness.trio_tests import jump_once

from .bench import contents, is_empty, redis_spec
from .proxy import Proxy, open_proxy
from .watch import wait_for


def length(redis: RedisServer) -> object:
    return redis.command("LLEN", "asgi:in")


@contextlib.asynccontextmanager
async def connected(redis: RedisServer, **config: Any) -> AsyncIterator[tuple[Proxy, Layer]]:
    """A layer behind a proxy that has fallen silent after the sender connected."""
    async with open_proxy(redis) as proxy, open_layer(redis_spec([proxy.url])(**config)) as layer:
        await layer.send("other", {})
        proxy.fall_silent()
        try:
            yield proxy, layer
        finally:
            proxy.speak()


async def test_a_send_cancelled_on_its_way_returns_if_it_was_sent(redis: RedisServer) -> None:
    async with connected(redis) as (proxy, layer):
        returned = False
        async with trio.open_nursery() as nursery:
            scope = trio.CancelScope()

            @nursery.start_soon
            async def send() -> None:
                nonlocal returned
                with scope:
                    await layer.send("in", {"n": 1})
                    returned = True
                    await trio.lowlevel.checkpoint()

            await wait_for(lambda: length(redis) == 1)
            scope.cancel()
            await trio.lowlevel.checkpoint()
            assert not returned
            proxy.speak()
        assert returned
        assert scope.cancelled_caught
        assert layer.statistics().sent == 2
        assert await contents(layer, "in") == [{"n": 1}]


async def test_a_send_cancelled_on_its_way_is_cancelled_if_it_was_not_sent(redis: RedisServer) -> None:
    redis.command("RPUSH", "asgi:in", "asgi:old")
    async with connected(redis, capacity=1) as (proxy, layer):
        async with trio.open_nursery() as nursery:
            scope = trio.CancelScope()

            @nursery.start_soon
            async def send() -> None:
                with scope:
                    await layer.send("in", {"n": 1})
                    raise AssertionError("it was not sent")

            await wait_for(lambda: redis.command("GET", "asgi-meta:in:channel_full_count") == b"1")
            scope.cancel()
            proxy.speak()
        assert scope.cancelled_caught
        with pytest.raises(ChannelFull):
            await layer.send("in", {})


async def test_a_cancelled_send_of_unknown_outcome_says_so(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_send, "CANCEL_TIMEOUT", 0.1)
    async with connected(redis) as (proxy, layer):
        async with trio.open_nursery() as nursery:
            scope = trio.CancelScope()

            @nursery.start_soon
            async def send() -> None:
                with scope, pytest.raises(SendUnknown, match="unknown"):
                    await layer.send("in", {"n": 1})

            await wait_for(lambda: length(redis) == 1)
            scope.cancel()
        proxy.speak()
        assert await contents(layer, "in") == [{"n": 1}]


async def test_a_batch_in_doubt_is_repeated_until_redis_answers_and_done_once(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(redis) as (proxy, layer):
        monkeypatch.setattr(redis_connection, "EXCHANGE_TIMEOUT", 0.1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(layer.send, "in", {"n": 1})
            await wait_for(lambda: length(redis) == 1)
            monkeypatch.setattr(redis_send, "SEND_TIMEOUT", 0.1)
            # What is queued behind it has not left, and is told so after the usual time.
            with pytest.raises(LayerUnavailable, match="not sent"):
                await layer.send("in", {"n": 2})
            monkeypatch.setattr(redis_connection, "EXCHANGE_TIMEOUT", 5.0)
            proxy.speak()
        assert await contents(layer, "in") == [{"n": 1}]
        assert await is_empty(layer, "in")


@pytest.mark.jumpable
async def test_a_batch_in_doubt_ends_as_unknown_before_its_receipt_does(redis: RedisServer) -> None:
    assert redis_send.DOUBT_TIMEOUT + 2 * redis_connection.EXCHANGE_TIMEOUT < redis_send.RECEIPT_TTL
    async with connected(redis) as (_, layer), trio.open_nursery() as nursery:
        nursery.start_soon(jump_once, lambda: length(redis) == 1, redis_send.DOUBT_TIMEOUT)
        with trio.fail_after(redis_send.DOUBT_TIMEOUT + 20), pytest.raises(SendUnknown):
            await layer.send("in", {"n": 1})


async def test_a_batch_that_nobody_waits_for_does_not_hold_up_the_next(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_send, "CANCEL_TIMEOUT", 0.05)
    monkeypatch.setattr(redis_send, "DOUBT_TIMEOUT", math.inf)
    async with connected(redis) as (proxy, layer):
        monkeypatch.setattr(redis_connection, "EXCHANGE_TIMEOUT", 0.1)
        async with trio.open_nursery() as nursery:
            scope = trio.CancelScope()

            @nursery.start_soon
            async def send() -> None:
                with pytest.raises(SendUnknown), scope:
                    await layer.send("in", {"n": 1})

            await wait_for(lambda: length(redis) == 1)
            scope.cancel()
        monkeypatch.setattr(redis_connection, "EXCHANGE_TIMEOUT", 5.0)
        proxy.speak()
        await layer.send("in", {"n": 2})
        assert await contents(layer, "in", number=2) == [{"n": 1}, {"n": 2}]
