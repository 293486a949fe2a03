"""Connection settings that asgi_redis's Twisted mode (with txredisapi) reads from redis-py's pool."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from ..shim import Shim

# What redis-py 2.10 and 3 put into every pool's connection_kwargs, and 4 only if the URL says it.
TCP_DEFAULTS = {"host": "localhost", "port": 6379, "db": 0, "password": None}


def needed() -> bool:
    if importlib.util.find_spec("txredisapi") is None:
        return False
    pool = importlib.import_module("redis").ConnectionPool.from_url("redis://localhost")
    return not TCP_DEFAULTS.keys() <= pool.connection_kwargs.keys()


def apply(module: Any) -> None:
    layer = module.RedisChannelLayer
    original = layer.connection

    def connection(self: Any, index: int | None) -> Any:
        redis = original(self, index)
        settings = redis.connection_pool.connection_kwargs
        if "path" not in settings:
            for name, value in TCP_DEFAULTS.items():
                settings.setdefault(name, value)
        return redis

    layer.connection = connection


shim = Shim(
    name="asgi-redis-txredisapi",
    cause="redis-py 4 keeps only the settings that a URL names; asgi_redis's Twisted mode reads all four.",
    source="asgi_redis 1.4.2 core.py:379-382",
    module="asgi_redis.core",
    needed=needed,
    apply=apply,
)
