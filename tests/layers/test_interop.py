"""Stock asgi_redis and the bridge on one Redis: neither must notice the other."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import pytest
import trio

from server_trio.errors import ChannelFull
from server_trio.layers import Layer, LayerSpec, open_layer
from server_trio.layers.open import make_backend
from server_trio.layers.redis_layer import HOMES
from tests.harness.redis_server import RedisServer

from .bench import ENCRYPTION_KEYS, Bench, contents, is_empty, take

#: A message as channels and daphne send it: all that the specification allows.
MESSAGE = {
    "text": "käse ☃", "bytes": b"\x00\xff", "list": [[b"name", b"value"], [1, 2.5, None]], "yes": True,
    "long": "x" * 70_000, "integers": [0, 127, 128, 255, 256, 65536, -1, -33, -129, 2**40, -(2**40)],
}  # fmt: skip


def stock(bench: Bench, **config: Any) -> Any:
    """asgi_redis's own object, with the same settings."""
    assert bench.spec is not None
    return make_backend(bench.spec(**config))


def receive_stock(layer: Any, *channels: str) -> tuple[str | None, Any]:
    """One message, from whatever shard it is on."""
    for _ in range(layer.ring_size):
        channel, content = layer.receive(list(channels))
        if channel is not None:
            return channel, content
    return None, None


CHANNELS = ["http.request", "reply?abcdef", "daphne.response.abc!def"]


@pytest.mark.parametrize("channel", CHANNELS)
async def test_stock_receives_what_the_bridge_sends(redis_bench: Bench, channel: str) -> None:
    other = stock(redis_bench)
    async with redis_bench.open() as layer:
        await layer.send(channel, MESSAGE)
    assert receive_stock(other, other.non_local_name(channel)) == (channel, MESSAGE)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_the_bridge_receives_what_stock_sends(redis_bench: Bench, channel: str) -> None:
    other = stock(redis_bench)
    other.send(channel, MESSAGE)
    async with redis_bench.open() as layer:
        (received,) = await take(layer, other.non_local_name(channel))
    assert (received.channel, received.content, received.fault) == (channel, MESSAGE, None)


async def test_both_find_the_same_shard_for_every_reply_channel(
    redis: RedisServer, redis_bench: Bench
) -> None:
    other = stock(redis_bench)
    async with redis_bench.open() as layer:
        for number in range(40):
            name = f"daphne.response.{number * 7919:x}!x{number}"
            await layer.send(name, {"n": number})
            assert other.receive([other.non_local_name(name)]) == (name, {"n": number})
            other.send(f"reply?{number:x}", {"n": number})
            shard = other.consistent_hash(f"reply?{number:x}")
            (received,) = await layer.receive(shard, [f"reply?{number:x}"], 5)
            assert received.content == {"n": number}


async def test_more_channels_than_are_remembered_go_to_their_shards_too(redis: RedisServer) -> None:
    hosts = [f"{redis.url.rpartition('/')[0]}/{database}" for database in range(3)]
    spec = LayerSpec("default", "asgi_redis.RedisChannelLayer", {"hosts": hosts})
    other, names = make_backend(spec), [f"reply?{number}" for number in range(HOMES + 2)]
    async with open_layer(spec) as layer:
        async with trio.open_nursery() as nursery:
            for name in names:
                nursery.start_soon(layer.send, name, {"n": 1})
        for name in (names[0], names[1], names[-1]):
            await layer.send(name, {"n": 2})
            found = await layer.receive(other.consistent_hash(name), [name], 5)
            assert [one.content["n"] for one in found] == [1, 2]


async def test_messages_to_an_ordinary_channel_go_to_the_shards_in_turn(redis: RedisServer) -> None:
    hosts = [f"{redis.url.rpartition('/')[0]}/{database}" for database in range(3)]
    async with open_layer(LayerSpec("default", "asgi_redis.RedisChannelLayer", {"hosts": hosts})) as layer:
        for number in range(6):
            await layer.send("in", {"n": number})
        per_shard = [
            [one.content["n"] for one in await layer.receive(shard, ["in"], 10)] for shard in range(3)
        ]
    assert per_shard == [[0, 3], [1, 4], [2, 5]]


def snapshot(redis: RedisServer, prefix: str) -> dict[Any, Any]:
    """Each key of a layer: type, value, TTL, with messages by their bodies instead of their random names."""
    found: dict[Any, Any] = {}
    keys = redis.command("KEYS", "*")
    assert isinstance(keys, list)
    for key in sorted(key for key in keys if isinstance(key, bytes)):
        name = key.decode()
        if not name.startswith(prefix) or name.startswith((f"{prefix}:receipt:", f"{prefix}:claimed:")):
            continue
        kind = redis.command("TYPE", key)
        ttl = redis.command("TTL", key)
        assert isinstance(ttl, int)
        value: Any
        if kind == b"list":
            items = redis.command("LRANGE", key, 0, -1)
            assert isinstance(items, list)
            value = [redis.command("GET", item) for item in items if isinstance(item, bytes)]
            assert all(len(item) == len(prefix) + 32 for item in items if isinstance(item, bytes))
        else:
            value = redis.command("GET", key)
        if kind == b"string" and "-meta:" not in name:
            name = f"{prefix}<message {value!r}>"
        # A second may pass between two sends.
        found[name.removeprefix(prefix)] = (kind, value, round(ttl / 10))
    return found


def send_some_stock(layer: Any) -> None:
    for number in range(3):
        layer.send("http.request", {"n": number})
    for name in ("one", "two", "three", "four"):
        with contextlib.suppress(layer.ChannelFull):
            layer.send(f"daphne.response.abc!{name}", {"n": name})
    layer.send("reply?abc", MESSAGE)


async def send_some(layer: Layer) -> None:
    for number in range(3):
        await layer.send("http.request", {"n": number})
    for name in ("one", "two", "three", "four"):
        with contextlib.suppress(ChannelFull):
            await layer.send(f"daphne.response.abc!{name}", {"n": name})
    await layer.send("reply?abc", MESSAGE)


async def test_the_bridge_leaves_the_keys_values_ttls_and_counters_of_stock(redis: RedisServer) -> None:
    """Byte for byte; full channels are counted as full."""

    def spec(prefix: str) -> LayerSpec:
        return LayerSpec(
            "default", "asgi_redis.RedisChannelLayer",
            {"hosts": [redis.url], "prefix": prefix, "stats_prefix": f"{prefix}-meta:", "expiry": 200,
             "channel_capacity": {"daphne.response*": 2}},
        )  # fmt: skip

    send_some_stock(make_backend(spec("stock:")))
    async with open_layer(spec("bridge:")) as layer:
        await send_some(layer)
    expected = snapshot(redis, "stock:")
    assert len(expected) > 10
    assert snapshot(redis, "bridge:") == expected


async def test_sends_of_one_moment_count_like_sends_one_by_one(redis: RedisServer) -> None:
    config = {"hosts": [redis.url], "capacity": 30}
    spec = LayerSpec("default", "asgi_redis.RedisChannelLayer", config)
    full = 0

    async def send(layer: Layer, channel: str) -> None:
        nonlocal full
        try:
            await layer.send(channel, {"c": channel})
        except ChannelFull:
            full += 1

    async with open_layer(spec) as layer:
        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(send, layer, f"daphne.response.a!{number}")
                nursery.start_soon(send, layer, f"daphne.response.b!{number}")
        assert layer.statistics().round_trips < 20
    other = make_backend(spec)
    assert full == 140
    assert other.global_statistics() == {"messages_count": 60, "channel_full_count": 140}
    for channel in ("daphne.response.a!", "daphne.response.b!"):
        statistics = other.channel_statistics(channel)
        assert statistics.pop("messages_max_age") in (0, 1)
        assert statistics == {"messages_count": 30, "messages_pending": 30, "channel_full_count": 70}


async def test_receiving_leaves_no_key_but_counters(redis: RedisServer) -> None:
    async with open_layer(
        LayerSpec("default", "asgi_redis.RedisChannelLayer", {"hosts": [redis.url]})
    ) as layer:
        for number in range(10):
            await layer.send("in", {"n": number})
        await take(layer, "in", number=10)
        assert await is_empty(layer, "in")
    keys = redis.command("KEYS", "asgi:*")
    assert isinstance(keys, list)
    assert [key for key in keys if isinstance(key, bytes) and b":receipt:" not in key] == []


async def test_each_key_of_the_bridge_has_a_ttl_while_it_is_at_work(redis: RedisServer) -> None:
    async with open_layer(
        LayerSpec("default", "asgi_redis.RedisChannelLayer", {"hosts": [redis.url]})
    ) as layer:
        await layer.send("in", {})
        await take(layer, "in")
        assert await is_empty(layer, "in")
        await layer.send("in", {})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(is_empty, layer, "other")
            await take(layer, "in")
            keys = redis.command("KEYS", "*")
        assert isinstance(keys, list)
        ttls = {key: redis.command("TTL", key) for key in keys if isinstance(key, bytes)}
    assert any(b":claimed:" in key for key in ttls)
    assert any(b":receipt:" in key for key in ttls)
    # -2: has gone meanwhile
    assert {
        key: ttl for key, ttl in ttls.items() if isinstance(ttl, int) and (ttl == -1 or ttl > 86400)
    } == {}


async def test_both_agree_on_when_a_channel_is_full(redis_bench: Bench) -> None:
    other = stock(redis_bench, capacity=3)
    async with redis_bench.open(capacity=3) as layer:
        other.send("reply?abc", {})
        await layer.send("reply?abc", {})
        other.send("reply?abc", {})
        with pytest.raises(ChannelFull):
            await layer.send("reply?abc", {})
        with pytest.raises(other.ChannelFull):
            other.send("reply?abc", {})


async def test_capacities_are_those_of_the_projects_own_patterns(redis: RedisServer) -> None:
    config = {"hosts": [redis.url], "capacity": 5, "channel_capacity": {"daphne.response*": 2, "http.*": 1}}
    async with open_layer(LayerSpec("default", "asgi_redis.RedisChannelLayer", config)) as layer:
        for channel, capacity in [("daphne.response.a!x", 2), ("http.request", 1), ("other", 5)]:
            for _ in range(capacity):
                await layer.send(channel, {})
            with pytest.raises(ChannelFull, match=rf"{capacity} messages"):
                await layer.send(channel, {})


async def test_messages_of_any_listed_key_are_read_and_the_first_key_writes(redis: RedisServer) -> None:
    def spec(*keys: str) -> LayerSpec:
        config = {"hosts": [redis.url], "symmetric_encryption_keys": list(keys)}
        return LayerSpec("default", "asgi_redis.RedisChannelLayer", config)

    make_backend(spec("old")).send("in", {"n": 1})
    async with open_layer(spec("new", "old")) as layer:
        assert await contents(layer, "in") == [{"n": 1}]
        await layer.send("in", {"n": 2})
        (key,) = redis.command("LRANGE", "asgi:in", 0, -1)  # type: ignore[misc]
        body = redis.command("GET", key)  # type: ignore[arg-type]
        assert isinstance(body, bytes)
        assert body.startswith(b"gAAAA")
    assert make_backend(spec("new")).receive(["in"]) == ("in", {"n": 2})


async def test_what_cannot_be_decrypted_is_a_fault(redis: RedisServer) -> None:
    config = {"hosts": [redis.url], "symmetric_encryption_keys": ENCRYPTION_KEYS}
    plain = make_backend(LayerSpec("default", "asgi_redis.RedisChannelLayer", {"hosts": [redis.url]}))
    plain.send("in", {"n": 1})
    async with open_layer(LayerSpec("default", "asgi_redis.RedisChannelLayer", config)) as layer:
        (received,) = await take(layer, "in")
    assert received.content is None
    assert received.fault is not None
    assert "symmetric_encryption_keys" in received.fault


async def test_a_stock_worker_that_waits_is_woken_by_the_bridge(redis_bench: Bench) -> None:
    if redis_bench.kind == "redis 3 shards":
        pytest.skip("stock waits on one shard at a time")
    other = stock(redis_bench)
    async with redis_bench.open() as layer, trio.open_nursery() as nursery:
        waiting = threading.Event()
        found = []

        def receive() -> None:
            waiting.set()
            found.append(other.receive(["in"], block=True))

        nursery.start_soon(trio.to_thread.run_sync, receive)
        await trio.to_thread.run_sync(waiting.wait)
        await layer.send("in", {"n": 1})
    assert found == [("in", {"n": 1})]


async def test_stock_workers_and_the_bridge_share_a_channel(redis: RedisServer) -> None:
    """Each message reaches one of them, also while the bridge's receives come and go."""
    spec = LayerSpec("default", "asgi_redis.RedisChannelLayer", {"hosts": [redis.url], "capacity": 1000})
    worker, client = make_backend(spec), make_backend(spec)
    seen: list[int] = []
    total = 300

    def work() -> None:
        while len(seen) < total:
            _, content = worker.receive(["in"])
            if content is not None:
                seen.append(content["n"])

    def produce() -> None:
        for number in range(total):
            client.send("in", {"n": number})

    async with open_layer(spec) as layer, trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, work)
        nursery.start_soon(trio.to_thread.run_sync, produce)
        with trio.fail_after(60):
            while len(seen) < total:
                with trio.move_on_after(0.003):
                    for received in await layer.receive(0, ["in"], 2):
                        seen.append(received.content["n"])
    assert sorted(seen) == list(range(total))
