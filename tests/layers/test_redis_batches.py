"""How much goes in one round trip, and that everything is bounded."""

from __future__ import annotations

import gc

import pytest
import trio

from server_trio.errors import ChannelFull
from server_trio.layers import Layer, open_layer, redis_journal, redis_send
from tests.harness.redis_server import RedisServer

from .bench import contents, is_empty, redis_spec, take
from .watch import is_blocked, wait_for


async def send_at_once(layer: Layer, channel: str, number: int, size: int = 0) -> None:
    async with trio.open_nursery() as nursery:
        for index in range(number):
            nursery.start_soon(layer.send, channel, {"n": index, "content": bytes(size)})


async def test_sends_and_claims_of_one_moment_share_a_round_trip(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_journal, "BEAT_INTERVAL", 3600.0)  # each heartbeat is one, too
    async with open_layer(redis_spec([redis.url])(capacity=1000)) as layer:
        before = layer.statistics().round_trips
        await send_at_once(layer, "in", 400)
        sent = layer.statistics().round_trips
        assert len(await layer.receive(0, ["in"], 400)) == 400
        assert sent - before <= 4  # a script is loaded on the first of them
        assert layer.statistics().round_trips - sent <= 2


async def test_a_message_that_is_waited_for_takes_one_round_trip(redis: RedisServer) -> None:
    messages = 30
    async with open_layer(redis_spec([redis.url])()) as layer, trio.open_nursery() as nursery:
        send, receive = trio.open_memory_channel[None](0)

        async def receive_forever() -> None:
            for _ in range(messages):
                await layer.receive(0, ["in"], 10, journal=True)
                await send.send(None)

        nursery.start_soon(receive_forever)
        before = layer.statistics().round_trips
        for _ in range(messages):
            await wait_for(lambda: is_blocked(redis))
            await layer.send("in", {})
            await receive.receive()
        # A wait with its claim, and the send; and there are heartbeats.
        assert layer.statistics().round_trips - before < 2.5 * messages


async def test_large_messages_are_sent_and_claimed_in_pieces(redis: RedisServer) -> None:
    async with open_layer(redis_spec([redis.url])()) as layer:
        await send_at_once(layer, "in", 20, size=1 << 20)
        batches: list[int] = []
        while sum(batches) < 20:
            batches.append(len(await layer.receive(0, ["in"], 100)))
    assert max(batches) <= 9
    assert sum(batches) == 20


async def test_one_message_is_claimed_whatever_its_size(redis: RedisServer) -> None:
    async with open_layer(redis_spec([redis.url])()) as layer:
        await layer.send("in", {"content": bytes(20 << 20)})
        (received,) = await take(layer, "in")
    assert len(received.content["content"]) == 20 << 20


async def test_a_limit_beyond_a_batch_is_a_batch(redis: RedisServer) -> None:
    async with open_layer(redis_spec([redis.url])(capacity=10_000)) as layer:
        await send_at_once(layer, "in", 1200)
        assert len(await layer.receive(0, ["in"], 100_000)) == 500
        assert len(await contents(layer, "in", number=700, limit=10_000)) == 700


async def test_senders_wait_for_room_in_the_queue(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_send, "MAX_PENDING", 3)
    async with open_layer(redis_spec([redis.url])(capacity=1000)) as layer:
        await send_at_once(layer, "in", 100)
        assert len(await contents(layer, "in", number=100)) == 100


async def test_senders_wait_for_room_by_size(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_send, "MAX_PENDING_BYTES", 1000)
    async with open_layer(redis_spec([redis.url])(capacity=1000)) as layer:
        await send_at_once(layer, "in", 30, size=400)
        assert len(await contents(layer, "in", number=30)) == 30


async def test_a_cancelled_send_that_waits_in_the_queue_is_not_sent(redis: RedisServer) -> None:
    async with open_layer(redis_spec([redis.url])()) as layer:
        with trio.CancelScope() as scope:
            scope.cancel()
            await layer.send("in", {"n": 1})
        assert scope.cancelled_caught
        assert await is_empty(layer, "in")


async def test_each_send_of_a_batch_has_its_own_outcome(redis: RedisServer) -> None:
    outcomes = []

    async def send(layer: Layer, channel: str) -> None:
        try:
            await layer.send(channel, {})
            outcomes.append((channel, "sent"))
        except ChannelFull:
            outcomes.append((channel, "full"))

    config = {"capacity": 2, "channel_capacity": {"roomy": 10}}
    async with open_layer(redis_spec([redis.url])(**config)) as layer, trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(send, layer, "narrow")
            nursery.start_soon(send, layer, "roomy")
            nursery.start_soon(send, layer, "reply?abc")
    assert sorted(outcomes) == sorted(
        [("roomy", "sent")] * 4
        + [(channel, outcome) for channel in ("narrow", "reply?abc") for outcome in ("sent", "full")] * 2
    )


async def test_channels_that_are_not_asked_for_again_do_not_keep_connections(redis: RedisServer) -> None:
    async with open_layer(redis_spec([redis.url])()) as layer:
        for number in range(30):
            await layer.send(f"reply?{number}", {"n": number})
            assert await contents(layer, f"reply?{number}") == [{"n": number}]
        clients = redis.command("CLIENT", "LIST")
        assert isinstance(clients, bytes)
        assert len(clients.splitlines()) < 15


async def test_what_a_full_channel_refuses_is_not_kept_until_the_collector_comes(redis: RedisServer) -> None:
    """A body is tried again and again while nobody reads: 512 KiB each time."""
    async with open_layer(redis_spec([redis.url])(capacity=1)) as layer:

        async def try_often() -> int:
            """Objects that only the collector can free."""
            for _ in range(100):
                with pytest.raises(ChannelFull):
                    await layer.send("in", {"content": b"x"})
            return gc.collect()

        await layer.send("in", {})
        await try_often()
        gc.disable()
        try:
            assert await try_often() < 100
        finally:
            gc.enable()
