"""What servers tell each other: everybody but the teller hears it, also after a broken connection."""

from __future__ import annotations

import trio

from server_trio.layers import open_layer
from tests.harness.redis_server import RedisServer

from .bench import redis_spec
from .proxy import open_proxy
from .watch import is_blocked, wait_for


async def test_all_others_hear_what_one_tells(redis: RedisServer) -> None:
    spec = redis_spec([redis.url])()
    async with (
        open_layer(spec) as teller, open_layer(spec) as first, open_layer(spec) as second,
        trio.open_nursery() as nursery,
    ):  # fmt: skip
        heard: dict[str, list[bytes]] = {"teller": [], "first": [], "second": []}
        for name, layer in (("teller", teller), ("first", first), ("second", second)):

            @nursery.start_soon
            async def hear(name: str = name, layer: object = layer) -> None:
                while True:
                    heard[name] += await layer.hear()  # type: ignore[attr-defined]

        await wait_for(lambda: b"blocked_clients:3" in redis.command("INFO", "clients"))  # type: ignore[operator]
        await teller.tell(b"one")
        await first.tell(b"two\r\n\0")
        await wait_for(lambda: len(heard["second"]) == 2)
        await wait_for(lambda: heard["teller"] == [b"two\r\n\0"] and heard["first"] == [b"one"])
        nursery.cancel_scope.cancel()
    ttl = redis.command("TTL", "asgi::news")
    assert isinstance(ttl, int)
    assert 0 < ttl <= 60


async def test_what_was_told_while_a_connection_was_broken_is_heard(redis: RedisServer) -> None:
    async with (
        open_proxy(redis) as proxy, open_layer(redis_spec([proxy.url])()) as listener,
        open_layer(redis_spec([redis.url])()) as teller, trio.open_nursery() as nursery,
    ):  # fmt: skip
        heard: list[bytes] = []

        @nursery.start_soon
        async def hear() -> None:
            while True:
                heard.extend(await listener.hear())

        await wait_for(lambda: is_blocked(redis))
        await teller.tell(b"before")
        await wait_for(lambda: heard == [b"before"])
        proxy.cut()
        await teller.tell(b"meanwhile")
        await wait_for(lambda: heard == [b"before", b"meanwhile"])
        nursery.cancel_scope.cancel()
