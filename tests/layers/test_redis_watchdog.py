"""A receiver that hangs in what should have ended long ago is found and set going again."""

from __future__ import annotations

import pytest
import trio

from server_trio.layers import open_layer, redis_claim, redis_watchdog
from tests.harness.redis_server import RedisServer

from .bench import contents, redis_spec
from .proxy import open_proxy
from .watch import is_blocked, put, wait_for


async def test_a_receiver_that_stands_still_is_set_going_again(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(redis_claim, "BLOCK_MARGIN", 3600.0)  # as if the time limit did not work
    monkeypatch.setattr(redis_watchdog, "INTERVAL", 0.1)
    monkeypatch.setattr(redis_watchdog, "LIMIT", 1.0)
    async with open_proxy(redis) as proxy, open_layer(redis_spec([proxy.url])()) as layer:
        received: list[object] = []
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def receive() -> None:
                received.extend(await contents(layer, "in"))

            await wait_for(lambda: is_blocked(redis))
            proxy.fall_silent()
            await wait_for(lambda: "has made no progress" in caplog.text)
            proxy.speak()
            put(redis, 1)
        assert received == [{"n": 1}]


async def test_who_waits_long_and_in_order_is_left_alone(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(redis_claim, "BLOCK_TIME", 0.2)
    monkeypatch.setattr(redis_watchdog, "INTERVAL", 0.05)
    monkeypatch.setattr(redis_watchdog, "LIMIT", 4.0)  # a busy machine may stand still for seconds
    async with open_layer(redis_spec([redis.url])()) as layer, trio.open_nursery() as nursery:
        nursery.start_soon(layer.receive, 0, ["in"], 1)
        before = layer.statistics().round_trips
        await wait_for(lambda: layer.statistics().round_trips > before + 30)  # more seconds, many blocks
        nursery.cancel_scope.cancel()
    assert "no progress" not in caplog.text
