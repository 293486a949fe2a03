"""Lines that break after Redis has done what it was asked: everything is done exactly once."""

from __future__ import annotations

import random
import re
from collections import Counter
from typing import Any

import pytest
import trio

from server_trio.errors import ChannelFull, SendUnknown
from server_trio.layers import (
    Layer,
    Received,
    open_layer,
    redis_claim,
    redis_connection,
    redis_layer,
    redis_send,
)
from server_trio.layers.packing import pack
from server_trio.layers.redis_claim_scripts import CLAIM, GIVE_BACK
from server_trio.layers.redis_scripts import SEND
from tests.harness.redis_server import RedisServer, redis_server

from .bench import contents, is_empty, redis_spec
from .proxy import open_proxy
from .watch import info, is_blocked, put, wait_for


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


@pytest.mark.parametrize("number", [2, redis_claim.MOST_APART])
async def test_neither_is_one_of_several_channels_lost_with_the_line_that_it_came_on(
    redis: RedisServer, number: int
) -> None:
    names = [f"in{index}" for index in range(number)]
    async with open_proxy(redis) as proxy, open_layer(redis_spec([proxy.url])()) as layer:
        for name in names:
            proxy.lose_reply_to = f"asgi:{name}\r\n".encode()  # its BLMOVE
            received: list[Any] = []
            async with trio.open_nursery() as nursery:

                @nursery.start_soon
                async def receive(received: list[Any] = received) -> None:
                    received.extend(await contents(layer, *names))

                await wait_for(lambda: blocked(redis) == number)
                await layer.send(name, {"n": name})
            assert received == [{"n": name}]
        assert proxy.lost == number
        assert await is_empty(layer, *names)


async def test_of_several_channels_no_more_is_kept_than_was_asked_for(redis: RedisServer) -> None:
    """All that wait move one at the same moment; two of three go back, to the heads of their channels."""
    names = ["in0", "in1", "in2"]
    async with open_layer(redis_spec([redis.url])()) as layer:
        received: list[Received] = []
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def receive() -> None:
                received.extend(await layer.receive(0, names, 1))

            await wait_for(lambda: blocked(redis) == 3)
            with redis.connect() as connection:
                connection.command("MULTI")  # so that all are there before any of them is told
                for name in names:
                    for number in range(2):
                        connection.command("SET", f"asgi:{name}{number}", pack({"n": f"{name} {number}"}))
                        connection.command("RPUSH", f"asgi:{name}", f"asgi:{name}{number}")
                connection.command("EXEC")
        assert len(received) == 1
        left = [redis.command("LRANGE", f"asgi:{name}", 0, -1) for name in names]
        assert sorted(map(len, left)) == [1, 2, 2]  # type: ignore[arg-type]
        for name, keys in zip(names, left, strict=True):
            assert keys == [f"asgi:{name}{number}".encode() for number in range(2)][-len(keys) :]  # type: ignore[arg-type]
            assert redis.command("TTL", f"asgi:{name}") != -2


def blocked(redis: RedisServer) -> int:
    """How many wait in a blocking command."""
    found = re.search(rb"blocked_clients:(\d+)", info(redis, "clients"))
    assert found is not None
    return int(found[1])


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


async def test_cancelling_does_not_wait_long_for_a_redis_that_is_silent(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def send(layer: Layer) -> None:
        with pytest.raises(SendUnknown):
            await layer.send("other", {})

    monkeypatch.setattr(redis_send, "CANCEL_TIMEOUT", 0.1)
    monkeypatch.setattr(redis_layer, "CLOSE_TIMEOUT", 0.1)
    monkeypatch.setattr(redis_connection, "EXCHANGE_TIMEOUT", 3600.0)
    async with open_proxy(redis) as proxy:
        with trio.fail_after(30):  # an exchange would wait for longer
            async with open_layer(redis_spec([proxy.url])()) as layer:
                await layer.send("first", {})  # so that the script is known
                with trio.CancelScope() as scope:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(layer.receive, 0, ["in"], 1)
                        await wait_for(lambda: is_blocked(redis))
                        proxy.fall_silent()
                        nursery.start_soon(send, layer)
                        await wait_for(lambda: redis.command("LLEN", "asgi:other"))
                        scope.cancel()
        proxy.speak()
    assert "closed while Redis was away" in caplog.text


@pytest.mark.parametrize("version", [b"redis_version:7", b"redis_version:5", b"redis_version:3"])
async def test_under_load_every_message_survives_lines_that_break_anywhere(
    redis: RedisServer, version: bytes
) -> None:
    """Every few messages a reply is lost or all lines are cut; receives are cancelled at random, too.

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
                        batch = await layer.receive(0, ["in"], chance.choice([1, 3, 10]))
                        seen.extend(received.content["n"] for received in batch)

            async def break_lines() -> None:
                while len(seen) < total * 0.9:
                    before = len(seen)
                    await trio.sleep(chance.random() * 0.03)
                    # On a slow machine nothing would ever arrive.
                    await wait_for(lambda before=before: len(seen) > before)  # type: ignore[misc]
                    if version.endswith(b"7") and chance.random() < 0.3:
                        proxy.cut()
                    else:
                        proxy.lose_reply_to = chance.choice([SEND, CLAIM, GIVE_BACK]).sha.encode()

            with trio.fail_after(50):
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
