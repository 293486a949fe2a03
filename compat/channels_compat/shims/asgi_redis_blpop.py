"""redis-py's default socket_timeout, which asgi_redis's idle BLPOP outlives."""

from __future__ import annotations

from typing import Any

from ..shim import Shim


def needed() -> bool:
    """Whether a connection that asgi_redis makes has a read timeout nobody asked for."""
    import redis

    pool = redis.ConnectionPool.from_url("redis://localhost:6379/0")
    return pool.connection_class(**pool.connection_kwargs).socket_timeout is not None


def apply(module: Any) -> None:
    layer = module.RedisChannelLayer
    original = layer._generate_connections

    def _generate_connections(self: Any, redis_kwargs: dict[str, Any]) -> list[Any]:
        # A socket_timeout of the project's connection_kwargs, or in a host's URL, still wins.
        connections: list[Any] = original(self, {"socket_timeout": None, **redis_kwargs})
        return connections

    layer._generate_connections = _generate_connections


shim = Shim(
    name="asgi-redis-blpop",
    cause="redis-py 8 gives sockets a timeout of 5 s, as long as asgi_redis's BLPOP: an idle worker dies.",
    source="asgi_redis 1.4.2 core.py:39,215; redis 8.1.0 _defaults.py:7",
    module="asgi_redis.core",
    needed=needed,
    apply=apply,
)
