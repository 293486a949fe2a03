"""Fixtures: a bench for each kind of layer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from server_trio.layers import threaded
from tests.harness.redis_server import RedisServer, SentinelServer, sentinel_server

from .bench import ENCRYPTION_KEYS, Bench, inmemory_spec, redis_spec, sentinel_spec, shard_urls

REDIS_KINDS = ["redis", "redis unix socket", "redis 3 shards", "redis encrypted", "redis sentinel"]
KINDS = [
    "memory", "threaded inmemory", "threaded redis", "threaded redis 3 shards", *REDIS_KINDS,
    "redis before 6.2",
]  # fmt: skip


@pytest.fixture(scope="session")
def sentinel(shared_redis: RedisServer) -> Iterator[SentinelServer]:
    with sentinel_server(shared_redis) as server:
        yield server


def make_bench(kind: str, request: pytest.FixtureRequest) -> Bench:
    if kind == "memory":
        return Bench(kind, None)
    if kind == "threaded inmemory":
        return Bench(kind, inmemory_spec)
    redis: RedisServer = request.getfixturevalue("redis")
    if kind == "redis sentinel":
        return Bench(kind, sentinel_spec(request.getfixturevalue("sentinel")))
    if kind == "redis before 6.2":
        return Bench(kind, redis_spec([redis.url]), looks_older=redis)
    if kind == "redis unix socket":
        return Bench(kind, redis_spec([redis.unix_url]))
    if kind.startswith("threaded"):
        # Fractions need Redis 6, so the bridge itself does not take one; here it only saves time.
        request.getfixturevalue("monkeypatch").setattr(threaded, "BLPOP_TIMEOUT", 0.1)
    bridge = "threaded" if kind.startswith("threaded") else "auto"
    fixed = {"symmetric_encryption_keys": ENCRYPTION_KEYS} if kind.endswith("encrypted") else {}
    return Bench(kind, redis_spec(shard_urls(redis, 3 if "3 shards" in kind else 1), bridge, **fixed))


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest) -> Bench:
    """Each layer that the contract holds for."""
    return make_bench(request.param, request)


@pytest.fixture(params=REDIS_KINDS)
def redis_bench(request: pytest.FixtureRequest) -> Bench:
    """Each form of the native bridge."""
    return make_bench(request.param, request)
