"""What is said when a Redis cannot be reached at the start."""

from __future__ import annotations

import pytest

from server_trio.errors import LayerUnavailable
from server_trio.layers import (
    LayerSpec,
    open_layer,
)
from tests.harness.redis_server import redis_server

from .bench import contents, redis_spec

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
