"""A Redis that goes and comes back, that falls silent, forgets or refuses."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

import pytest
import trio

from server_trio.errors import LayerUnavailable
from server_trio.layers import (
    Layer,
    open_layer,
    redis_claim,
    redis_connection,
    redis_layer,
    redis_send,
)
from server_trio.layers.redis_layer import RedisLayer
from server_trio.layers.redis_loop import LoopFell
from tests.harness.redis_server import RedisServer, redis_server, sentinel_server

from .bench import contents, redis_spec, sentinel_spec, take
from .proxy import open_proxy
from .watch import info, is_blocked, put, wait_for


async def test_receive_goes_on_after_redis_was_restarted_and_send_does(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "server_trio")
    with redis_server() as redis:
        async with open_layer(redis_spec([redis.url])()) as layer, trio.open_nursery() as nursery:
            received: list[Any] = []

            @nursery.start_soon
            async def receive() -> None:
                received.extend(await contents(layer, "in", number=2))

            await wait_for(lambda: is_blocked(redis))
            redis.kill()
            await wait_for(lambda: not layer.statistics().connected)
            redis.start()  # remembers no script
            await layer.send("in", {"n": 1})
            await layer.send("in", {"n": 2})
            assert layer.statistics().connected
            await wait_for(lambda: "answers again" in caplog.text)
        assert received == [{"n": 1}, {"n": 2}]
    levels = [(record.levelname, record.getMessage()) for record in caplog.records]
    away = [text for level, text in levels if "cannot be reached" in text]
    assert len(away) == 1, levels  # once for an outage, not once for an attempt
    assert f"127.0.0.1:{redis.port}" in away[0]
    assert len([text for _, text in levels if "answers again" in text]) == 1, levels


def test_no_pause_between_two_attempts_is_longer_than_a_second() -> None:
    backoff = redis_connection.Backoff()
    pauses = [backoff.next() for _ in range(1000)]
    assert 0 < pauses[0] <= 0.05
    assert max(pauses) <= 1.0  # half of what is promised for an outage's end
    assert 0.5 <= min(pauses[6:]) < 0.6  # not all servers at once
    assert max(pauses[6:]) > 0.9
    backoff.reset()
    assert backoff.next() <= 0.05


async def test_a_send_gives_up_when_redis_stays_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_send, "SEND_TIMEOUT", 0.3)
    failures = 0

    async def send(layer: Layer, number: int) -> None:
        nonlocal failures
        with pytest.raises(LayerUnavailable) as caught:
            await layer.send("in", {"n": number})
        assert "127.0.0.1" in str(caught.value) or "not sent" in str(caught.value)
        failures += 1

    with redis_server() as redis:
        async with open_layer(redis_spec([redis.url])()) as layer:
            redis.kill()
            async with trio.open_nursery() as nursery:
                for number in range(5):
                    nursery.start_soon(send, layer, number)
            assert failures == 5
            redis.start()
            monkeypatch.setattr(redis_send, "SEND_TIMEOUT", 20.0)
            await layer.send("in", {"n": "after"})
            assert await contents(layer, "in") == [{"n": "after"}]


async def test_a_line_that_has_gone_silent_is_left(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_claim, "BLOCK_TIME", 1)
    monkeypatch.setattr(redis_claim, "BLOCK_MARGIN", 0.2)
    async with open_proxy(redis) as proxy, open_layer(redis_spec([proxy.url])()) as layer:
        async with trio.open_nursery() as nursery:
            received: list[Any] = []

            @nursery.start_soon
            async def receive() -> None:
                received.extend(await contents(layer, "in"))

            await wait_for(lambda: is_blocked(redis))
            proxy.fall_silent()
            with monkeypatch.context() as silent:
                silent.setattr(redis_connection, "EXCHANGE_TIMEOUT", 0.2)
                await wait_for(lambda: not layer.statistics().connected)
            proxy.speak()
            await layer.send("in", {"n": 1})
        assert received == [{"n": 1}]


async def test_an_asyncio_error_that_nobody_awaits_does_not_end_the_bridge(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_layer(redis_spec([redis.url])()) as layer, trio.open_nursery() as nursery:
        assert isinstance(layer, RedisLayer)
        received: list[Any] = []

        @nursery.start_soon
        async def receive() -> None:
            received.extend(await contents(layer, "in", number=3))

        def fail() -> None:
            raise ZeroDivisionError("stray")

        async def go_astray() -> None:
            asyncio.get_running_loop().call_soon(fail)

        for number in range(3):
            await wait_for(lambda: is_blocked(redis))
            loop = layer.loop
            before = loop.falls
            with contextlib.suppress(LoopFell):
                await loop.run(go_astray)
            await layer.send("in", {"n": number})
            await wait_for(lambda before=before, loop=loop: loop.falls == before + 1)  # type: ignore[misc]
    assert received == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert "stray" in caplog.text


async def test_forgotten_scripts_are_sent_again(redis: RedisServer) -> None:
    async with open_layer(redis_spec([redis.url])()) as layer:
        for number in range(3):
            redis.command("SCRIPT", "FLUSH")
            await layer.send("in", {"n": number})
            redis.command("SCRIPT", "FLUSH")
            assert await contents(layer, "in") == [{"n": number}]


async def test_a_key_that_is_no_list_fails_its_own_channel_only(redis: RedisServer) -> None:
    redis.command("SET", "asgi:broken", "x")
    outcomes: dict[str, Any] = {}

    async def send(layer: Layer, channel: str) -> None:
        try:
            await layer.send(channel, {})
            outcomes[channel] = "sent"
        except LayerUnavailable as error:
            outcomes[channel] = str(error)

    async with open_layer(redis_spec([redis.url])()) as layer:
        async with trio.open_nursery() as nursery:
            for channel in ("fine", "broken", "also.fine"):
                nursery.start_soon(send, layer, channel)
        assert layer.statistics().connected
    assert outcomes["fine"] == outcomes["also.fine"] == "sent"
    assert "broken" in outcomes["broken"]


async def test_a_redis_without_memory_refuses_and_recovers(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_send, "SEND_TIMEOUT", 0.2)
    async with open_layer(redis_spec([redis.url])()) as layer:
        redis.command("CONFIG", "SET", "maxmemory", 1)
        try:
            with pytest.raises(LayerUnavailable, match=r"maxmemory.*was not sent"):
                await layer.send("in", {})
        finally:
            redis.command("CONFIG", "SET", "maxmemory", 0)
        monkeypatch.setattr(redis_send, "SEND_TIMEOUT", 20.0)
        await layer.send("in", {"n": 1})
        assert await contents(layer, "in") == [{"n": 1}]


async def test_the_messages_of_receives_that_were_going_on_are_given_back_at_the_end(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_layer, "CLOSE_TIMEOUT", 30.0)
    spec = redis_spec([redis.url])()
    async with trio.open_nursery() as nursery, open_layer(spec) as layer:

        @nursery.start_soon
        async def receive() -> None:
            with pytest.raises(LayerUnavailable, match="closed"):
                await layer.receive(0, ["in"], 1)

        await wait_for(lambda: is_blocked(redis))
        put(redis, 1)  # and Redis moves it into the claimed list at once
    async with open_layer(spec) as layer:
        assert await contents(layer, "in") == [{"n": 1}]


@pytest.mark.parametrize(
    ("version", "warnings", "command"), [("7", 0, b"blmove"), ("6.0.", 1, b"blpop"), ("3", 1, b"blpop")]
)
async def test_an_old_redis_is_named_once_and_asked_for_what_it_can(
    redis: RedisServer, caplog: pytest.LogCaptureFixture, version: str, warnings: int, command: bytes
) -> None:
    redis.command("CONFIG", "RESETSTAT")
    async with open_proxy(redis) as proxy:
        proxy.version_prefix = b"redis_version:" + version.encode()
        async with open_layer(redis_spec([proxy.url])()) as layer:
            for _ in range(2):
                await layer.send("in", {})
                await take(layer, "in")
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(layer.receive, 0, ["in"], 1)
                    await wait_for(lambda: is_blocked(redis))
                    nursery.cancel_scope.cancel()
                await wait_for(lambda: not is_blocked(redis))
    assert len([record for record in caplog.records if "before 6.2" in record.getMessage()]) == warnings
    used = info(redis, "commandstats")
    assert [name for name in (b"blmove", b"blpop") if b"cmdstat_" + name + b":" in used] == [command]


async def test_the_bridge_follows_sentinel_to_the_new_master() -> None:
    with (
        redis_server() as master,
        redis_server("--replicaof", f"127.0.0.1 {master.port}") as replica,
        sentinel_server(master) as sentinel,
    ):
        sentinel.command("SENTINEL", "SET", sentinel.service, "failover-timeout", 1000)
        await wait_for(lambda: sentinel.command("SENTINEL", "REPLICAS", sentinel.service))
        async with open_layer(sentinel_spec(sentinel)()) as layer, trio.open_nursery() as nursery:
            received: list[Any] = []

            @nursery.start_soon
            async def receive() -> None:
                received.extend(await contents(layer, "in"))

            await wait_for(lambda: is_blocked(master))
            master.kill()
            sentinel.command("SENTINEL", "SET", sentinel.service, "down-after-milliseconds", 200)
            await wait_for(replica.is_master)
            await layer.send("in", {"n": 1})
        assert received == [{"n": 1}]
