"""Connections that break, replies that are lost, a Redis that goes and comes back."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import trio

from server_trio.errors import ChannelFull, LayerUnavailable
from server_trio.layers import (
    Layer,
    LayerSpec,
    open_layer,
    redis_claim,
    redis_connection,
    redis_layer,
    redis_send,
)
from server_trio.layers.packing import pack
from server_trio.layers.redis_layer import RedisLayer
from server_trio.layers.redis_scripts import CLAIM, GIVE_BACK, SEND
from tests.harness.redis_server import RedisServer, redis_server, sentinel_server

from .bench import contents, is_empty, redis_spec, sentinel_spec, take
from .proxy import open_proxy


async def wait_for(condition: Callable[[], Any]) -> None:
    with trio.fail_after(20):
        while not condition():  # noqa: ASYNC110 - what happens in Redis tells nobody here
            await trio.sleep(0.005)


def put(redis: RedisServer, number: int) -> None:
    """A message on the channel `in`, without a chance for any other task to run meanwhile."""
    redis.command("SET", f"asgi:{number}", pack({"n": number}))
    redis.command("RPUSH", "asgi:in", f"asgi:{number}")


def is_blocked(redis: RedisServer) -> bool:
    """Whether somebody waits in a blocking command."""
    return b"blocked_clients:0" not in info(redis, "clients")


def is_master(redis: RedisServer) -> bool:
    """Whether it is one; it closes its connections when it becomes one."""
    try:
        return b"role:master" in info(redis, "replication")
    except OSError:
        return False


def info(redis: RedisServer, section: str) -> bytes:
    """A section of INFO."""
    text = redis.command("INFO", section)
    assert isinstance(text, bytes)
    return text


async def test_a_send_whose_reply_was_lost_is_done_once(redis: RedisServer) -> None:
    async with open_proxy(redis) as proxy, open_layer(redis_spec([proxy.url])()) as layer:
        for number in range(5):
            proxy.lose_reply_to = SEND.sha.encode()
            await layer.send("in", {"n": number})
        assert await contents(layer, "in", number=5) == [{"n": number} for number in range(5)]
        assert await is_empty(layer, "in")
        assert proxy.lost == 5
        assert layer.statistics().reconnects >= 5


async def test_a_full_channel_is_full_once_when_the_reply_was_lost(redis: RedisServer) -> None:
    async with open_proxy(redis) as proxy, open_layer(redis_spec([proxy.url])(capacity=1)) as layer:
        await layer.send("in", {})
        proxy.lose_reply_to = SEND.sha.encode()
        with pytest.raises(ChannelFull):
            await layer.send("in", {})
        assert proxy.lost == 1
    assert redis.command("GET", "asgi-meta:in:channel_full_count") == b"1"


async def test_a_claim_whose_reply_was_lost_is_repeated(redis: RedisServer) -> None:
    async with open_proxy(redis) as proxy, open_layer(redis_spec([proxy.url])()) as layer:
        for number in range(4):
            await layer.send("in", {"n": number})
        proxy.lose_reply_to = CLAIM.sha.encode()
        assert await contents(layer, "in", number=2, limit=2) == [{"n": 0}, {"n": 1}]
        proxy.lose_reply_to = CLAIM.sha.encode()  # this one acknowledges the first two
        assert await contents(layer, "in", number=2, limit=2) == [{"n": 2}, {"n": 3}]
        assert await is_empty(layer, "in")
        assert proxy.lost == 2


async def test_a_message_that_came_while_the_line_of_a_waiting_receive_broke_arrives(
    redis: RedisServer,
) -> None:
    async with open_proxy(redis) as proxy, open_layer(redis_spec([proxy.url])()) as layer:
        proxy.lose_reply_to = b"BLMOVE"
        received: list[Any] = []
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def receive() -> None:
                received.extend(await contents(layer, "in"))

            await wait_for(lambda: is_blocked(redis))
            await layer.send("in", {"n": 1})
        assert received == [{"n": 1}]
        assert proxy.lost == 1


async def test_giving_back_whose_reply_was_lost_is_done_once(redis: RedisServer) -> None:
    async with open_proxy(redis) as proxy, open_layer(redis_spec([proxy.url])()) as layer:
        for number in range(3):
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(layer.receive, 0, ["in"], 1)
                    await wait_for(lambda: is_blocked(redis))
                    proxy.lose_reply_to = GIVE_BACK.sha.encode()
                    put(redis, number)  # and Redis moves it into the claimed list at once
                    scope.cancel()
            await wait_for(lambda number=number: proxy.lost == number + 1)  # type: ignore[misc]
            assert await contents(layer, "in") == [{"n": number}]
        assert await is_empty(layer, "in")


async def test_what_is_given_back_keeps_its_order(redis: RedisServer) -> None:
    async with open_proxy(redis) as proxy, open_layer(redis_spec([proxy.url])()) as layer:
        for number in range(4):
            put(redis, number)
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                proxy.lose_reply_to = CLAIM.sha.encode()
                nursery.start_soon(layer.receive, 0, ["in"], 3)
                await wait_for(lambda: proxy.lost == 1)
                scope.cancel()
        await wait_for(lambda: redis.command("LLEN", "asgi:in") == 4)
        assert await contents(layer, "in", number=4) == [{"n": number} for number in range(4)]


async def test_receives_that_are_cancelled_while_redis_is_away_leave_nothing_that_grows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(redis_layer, "CLOSE_TIMEOUT", 0.1)
    with redis_server() as redis:
        async with open_layer(redis_spec([redis.url])()) as layer:
            redis.kill()
            for number in range(50):
                with trio.move_on_after(0.001):
                    await layer.receive(0, ["in"], 1)
                if number == 5:
                    early = trio.lowlevel.current_statistics().tasks_living
            assert trio.lowlevel.current_statistics().tasks_living <= early + 2
            redis.start()
            await layer.send("in", {"n": 1})
            assert await contents(layer, "in") == [{"n": 1}]


async def test_a_receive_with_a_smaller_limit_does_not_inherit_the_messages_of_a_larger_one(
    redis: RedisServer,
) -> None:
    async with open_proxy(redis) as proxy, open_layer(redis_spec([proxy.url])()) as layer:
        for number in range(5):
            put(redis, number)
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                proxy.lose_reply_to = CLAIM.sha.encode()
                nursery.start_soon(layer.receive, 0, ["in"], 5)
                await wait_for(lambda: proxy.lost == 1)
                scope.cancel()
        assert [one.content for one in await layer.receive(0, ["in"], 1)] == [{"n": 0}]
        assert await contents(layer, "in", number=4) == [{"n": number} for number in range(1, 5)]


async def test_cancelling_does_not_wait_for_a_redis_that_is_silent(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(redis_layer, "CLOSE_TIMEOUT", 0.1)
    async with open_proxy(redis) as proxy:
        with trio.fail_after(4):  # an exchange would wait for 5
            async with open_layer(redis_spec([proxy.url])()) as layer:
                await layer.send("first", {})  # so that the script is known
                with trio.CancelScope() as scope:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(layer.receive, 0, ["in"], 1)
                        await wait_for(lambda: is_blocked(redis))
                        proxy.fall_silent()
                        nursery.start_soon(layer.send, "other", {})
                        await wait_for(lambda: redis.command("LLEN", "asgi:other"))
                        scope.cancel()
        proxy.speak()
    assert "closed while Redis was away" in caplog.text


@pytest.mark.parametrize("version", [b"redis_version:7", b"redis_version:5", b"redis_version:3"])
async def test_under_load_every_message_survives_lines_that_break_anywhere(
    redis: RedisServer, version: bytes
) -> None:
    """Every few milliseconds a reply is lost or all lines are cut; receives are cancelled at random, too.

    Before Redis 6.2 nothing can help a key that BLPOP has popped onto a line that breaks, so there only
    lines that do not wait are cut.
    """
    chance = random.Random(version)
    total = 200
    seen: list[int] = []
    async with open_proxy(redis) as proxy:
        proxy.version_prefix = version
        async with open_layer(redis_spec([proxy.url])(capacity=10_000)) as layer:

            async def send(first: int) -> None:
                for number in range(first, total, 3):
                    await layer.send("in", {"n": number})
                    await trio.sleep(chance.random() * 0.004)

            async def receive() -> None:
                while len(seen) < total:
                    with trio.move_on_after(chance.random() * 0.05):
                        batch = await layer.receive(0, ["in"], chance.choice([1, 5, 100]))
                        seen.extend(received.content["n"] for received in batch)

            async def break_lines() -> None:
                while len(seen) < total * 0.9:
                    await trio.sleep(chance.random() * 0.03)
                    if version.endswith(b"7") and chance.random() < 0.3:
                        proxy.cut()
                    else:
                        proxy.lose_reply_to = chance.choice([SEND, CLAIM, GIVE_BACK]).sha.encode()

            with trio.fail_after(25):
                async with trio.open_nursery() as nursery:
                    for first in range(3):
                        nursery.start_soon(send, first)
                    nursery.start_soon(receive)
                    nursery.start_soon(break_lines)
            proxy.lose_reply_to = None
            assert await is_empty(layer, "in")
            assert layer.statistics().reconnects > 5
    assert Counter(seen) == Counter(range(total))


async def test_messages_of_one_sender_keep_their_order_when_lines_break(redis: RedisServer) -> None:
    async with open_proxy(redis) as proxy, open_layer(redis_spec([proxy.url])(capacity=1000)) as layer:
        for number in range(60):
            proxy.lose_reply_to = random.Random(number).choice([SEND.sha.encode(), CLAIM.sha.encode(), None])
            await layer.send("reply?abc", {"n": number})
        assert await contents(layer, "reply?abc", number=60, limit=7) == [
            {"n": number} for number in range(60)
        ]


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
        assert received == [{"n": 1}, {"n": 2}]
        assert layer.statistics().connected
    levels = [(record.levelname, record.getMessage()) for record in caplog.records]
    away = [text for level, text in levels if "cannot be reached" in text]
    assert len(away) == 1, levels  # once for an outage, not once for an attempt
    assert f"127.0.0.1:{redis.port}" in away[0]
    assert any("answers again" in text for _, text in levels)


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
            await layer.send("in", {"n": "after"})
            assert await contents(layer, "in") == [{"n": "after"}]


async def test_a_line_that_has_gone_silent_is_left(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_connection, "EXCHANGE_TIMEOUT", 0.2)
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

        for number in range(3):
            await wait_for(lambda: is_blocked(redis))
            loop = layer.loop
            before = loop.falls
            asyncio_loop: Any = loop.current
            asyncio_loop.call_soon(fail)
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
        await layer.send("in", {"n": 1})
        assert await contents(layer, "in") == [{"n": 1}]


async def test_the_messages_of_receives_that_were_going_on_are_given_back_at_the_end(
    redis: RedisServer,
) -> None:
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
                assert await is_empty(layer, "in")
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
        sentinel.command("SENTINEL", "SET", sentinel.service, "down-after-milliseconds", 200)
        await wait_for(lambda: sentinel.command("SENTINEL", "REPLICAS", sentinel.service))
        async with open_layer(sentinel_spec(sentinel)()) as layer, trio.open_nursery() as nursery:
            received: list[Any] = []

            @nursery.start_soon
            async def receive() -> None:
                received.extend(await contents(layer, "in"))

            await wait_for(lambda: is_blocked(master))
            master.kill()
            await wait_for(lambda: is_master(replica))
            await layer.send("in", {"n": 1})
        assert received == [{"n": 1}]


UNREACHABLE = {
    "nobody listens": ("redis://:s3cret@127.0.0.1:1/0", ["127.0.0.1:1", "check that it runs"]),
    "no such socket": (
        "unix://:s3cret@/nowhere/redis.sock?db=0",
        ["/nowhere/redis.sock", "check that it runs"],
    ),
    "no such host": ("redis://:s3cret@nowhere.invalid:6379/0", ["nowhere.invalid:6379"]),
}


@pytest.mark.parametrize(("url", "parts"), UNREACHABLE.values(), ids=UNREACHABLE)
async def test_an_unreachable_redis_is_named_at_the_start_and_its_password_is_not(
    url: str, parts: list[str]
) -> None:
    with pytest.raises(LayerUnavailable) as caught:
        async with open_layer(redis_spec([url])()):
            pass
    for part in parts:
        assert part in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("given", ["", ":wr0ng@", "nobody:wr0ng@"])
async def test_a_wrong_password_is_said_at_the_start(given: str) -> None:
    with redis_server(password="right") as redis:
        with pytest.raises(LayerUnavailable) as caught:
            async with open_layer(redis_spec([f"redis://{given}127.0.0.1:{redis.port}/0"])()):
                pass
        assert f"127.0.0.1:{redis.port}" in str(caught.value)
        assert "password" in str(caught.value)
        assert "wr0ng" not in str(caught.value)
        async with open_layer(redis_spec([redis.url])()) as layer:
            await layer.send("in", {"n": 1})
            assert await contents(layer, "in") == [{"n": 1}]


async def test_an_unreachable_sentinel_is_named_at_the_start() -> None:
    config = {"hosts": [("127.0.0.1", 1)], "services": ["primary"]}
    with pytest.raises(LayerUnavailable, match=r"127\.0\.0\.1:1"):
        async with open_layer(LayerSpec("default", "asgi_redis.RedisSentinelChannelLayer", config)):
            pass
