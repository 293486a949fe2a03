"""The layers that the contract suite runs over, each opened through the door that the server uses."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import trio

from server_trio.layers import Layer, LayerSpec, Received, open_layer
from server_trio.layers.memory import MemoryLayer
from tests.harness.redis_server import RedisServer, SentinelServer

from .proxy import open_proxy

ENCRYPTION_KEYS = ["first key", "second key"]


@dataclass
class Bench:
    """One kind of layer, and how to open it."""

    kind: str
    spec: Callable[..., LayerSpec] | None  # None: the memory layer, which no settings name
    looks_older: RedisServer | None = None  # the Redis to look at through a proxy that lies about its age

    @contextlib.asynccontextmanager
    async def open(self, **config: Any) -> AsyncIterator[Layer]:
        if self.spec is None:
            yield MemoryLayer(**config)
            return
        async with contextlib.AsyncExitStack() as stack:
            if self.looks_older is not None:
                proxy = await stack.enter_async_context(open_proxy(self.looks_older))
                proxy.version_prefix = b"redis_version:5"  # which has no BLMOVE
                config["hosts"] = [proxy.url]
            yield await stack.enter_async_context(open_layer(self.spec(**config)))


def redis_spec(urls: Sequence[str], bridge: Any = "auto", **fixed: Any) -> Callable[..., LayerSpec]:
    """asgi_redis's ordinary layer."""

    def spec(**config: Any) -> LayerSpec:
        return LayerSpec(
            "default", "asgi_redis.RedisChannelLayer", {"hosts": list(urls), **fixed, **config}, bridge
        )

    return spec


def sentinel_spec(sentinel: SentinelServer, bridge: Any = "auto") -> Callable[..., LayerSpec]:
    """asgi_redis's layer of shards that Sentinel knows."""

    def spec(**config: Any) -> LayerSpec:
        hosts = [(sentinel.host, sentinel.port)]
        config = {"hosts": hosts, "services": [sentinel.service], **config}
        return LayerSpec("default", "asgi_redis.RedisSentinelChannelLayer", config, bridge)

    return spec


def inmemory_spec(**config: Any) -> LayerSpec:
    return LayerSpec("default", "asgiref.inmemory.ChannelLayer", {"capacity": 100, **config})


def shard_urls(redis: RedisServer, number: int) -> list[str]:
    """URLs of as many databases of one Redis; to a layer they are as apart as servers."""
    base = redis.url.rpartition("/")[0]
    return [f"{base}/{database}" for database in range(number)]


async def take(layer: Layer, *channels: str, number: int = 1, limit: int = 100) -> list[Received]:
    """`number` messages from whatever shards they are on; more than that is an error."""
    taken: list[Received] = []
    enough = trio.Event()

    async def take_from(shard: int) -> None:
        while len(taken) < number:
            taken.extend(await layer.receive(shard, channels, limit))
        enough.set()

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for shard in range(layer.shards):
                nursery.start_soon(take_from, shard)
            await enough.wait()
            nursery.cancel_scope.cancel()
    assert len(taken) == number, f"{len(taken)} messages instead of {number}"
    return taken


async def receive_once(layer: Layer, channel: str, limit: int) -> list[Received]:
    """What one call returns, on the shard where something is first."""
    found: list[Received] = []
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for shard in range(layer.shards):

                @nursery.start_soon
                async def receive(shard: int = shard) -> None:
                    found.extend(await layer.receive(shard, [channel], limit))
                    nursery.cancel_scope.cancel()

    return found


async def contents(layer: Layer, *channels: str, number: int = 1, limit: int = 100) -> list[Any]:
    return [received.content for received in await take(layer, *channels, number=number, limit=limit)]


async def is_empty(layer: Layer, *channels: str) -> bool:
    """Whether nothing comes, looked at long enough for any layer to have answered."""
    found: list[Received] = []
    with trio.move_on_after(0.04):
        async with trio.open_nursery() as nursery:
            for shard in range(layer.shards):

                @nursery.start_soon
                async def look(shard: int = shard) -> None:
                    found.extend(await layer.receive(shard, channels, 1))

    return not found


@contextlib.asynccontextmanager
async def taking_over(layer: Layer) -> AsyncIterator[None]:
    """As in a server, somebody waits for what is taken over; it is left for who asks without a judge."""

    async def none_of_it(received: Received) -> bool:
        return False

    async with trio.open_nursery() as nursery:
        nursery.start_soon(layer.recover, 0, 1, none_of_it)
        yield
        nursery.cancel_scope.cancel()
