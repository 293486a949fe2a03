"""redis-py's default socket_timeout, which asgi_redis's idle BLPOP outlives."""

from __future__ import annotations

from typing import Any

from ..shim import Shim


def needed() -> bool:
    """Whether a connection that asgi_redis makes has a read timeout nobody asked for."""
    import redis

    pool = redis.ConnectionPool.from_url("redis://localhost:6379/0")
    return pool.connection_class(**pool.connection_kwargs).socket_timeout is not None


def without_timeout(redis_kwargs: dict[str, Any] | None) -> dict[str, Any]:
    # A socket_timeout of the project's connection_kwargs, or in a host's URL, still wins.
    return {"socket_timeout": None, **(redis_kwargs or {})}


def apply(module: Any) -> None:
    original = module.RedisChannelLayer._generate_connections

    def _generate_connections(self: Any, redis_kwargs: dict[str, Any]) -> Any:
        return original(self, without_timeout(redis_kwargs))

    module.RedisChannelLayer._generate_connections = _generate_connections


def apply_to_sentinel(module: Any) -> None:
    original = module.RedisSentinelChannelLayer._generate_sentinel

    def _generate_sentinel(self: Any, redis_kwargs: dict[str, Any]) -> Any:
        return original(self, without_timeout(redis_kwargs))

    module.RedisSentinelChannelLayer._generate_sentinel = _generate_sentinel


CAUSE = "redis-py 8 gives sockets a timeout of 5 s, as long as asgi_redis's BLPOP: an idle worker dies."

shim = Shim(
    name="asgi-redis-blpop",
    cause=CAUSE,
    source="asgi_redis 1.4.2 core.py:39,215; redis 8.1.0 _defaults.py:7",
    module="asgi_redis.core",
    needed=needed,
    apply=apply,
)

sentinel = Shim(
    name="asgi-redis-sentinel-blpop",
    cause=CAUSE,
    source="asgi_redis 1.4.2 sentinel.py:141; redis 8.1.0 _defaults.py:7",
    module="asgi_redis.sentinel",
    needed=needed,
    apply=apply_to_sentinel,
)
