"""txredisapi under Python 3 and today's redis-py, which asgi_redis's receive_twisted drives."""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

from ..shim import Shim

# What redis-py 2.10 put into every pool's connection_kwargs, and redis-py 4 only if the URL has it.
TCP_DEFAULTS = {"host": "localhost", "port": 6379, "db": 0, "password": None}


class BytesTxredisapi:
    """What asgi_redis.core sees as `txredisapi`: connections that give bytes as they are.

    By default txredisapi decodes every reply that happens to be UTF-8, and so hands some messages
    to msgpack as text. Python 2's msgpack did not mind.
    """

    def __init__(self, txredisapi: ModuleType) -> None:
        self._txredisapi = txredisapi

    def __getattr__(self, name: str) -> Any:
        return getattr(self._txredisapi, name)

    def ConnectionPool(self, **kwargs: Any) -> Any:
        return self._txredisapi.ConnectionPool(**{"charset": None, **kwargs})


def needed() -> bool:
    return importlib.util.find_spec("txredisapi") is not None


def apply(module: Any) -> None:
    module.txredisapi = BytesTxredisapi(module.txredisapi)
    layer = module.RedisChannelLayer
    connection, receive = layer.connection, layer.receive_twisted

    def complete(self: Any, index: int | None) -> Any:
        redis = connection(self, index)
        settings = redis.connection_pool.connection_kwargs
        if "path" not in settings:
            for name, value in TCP_DEFAULTS.items():
                settings.setdefault(name, value)
        return redis

    def receive_twisted(self: Any, channels: Any) -> Any:
        return receive(self, channels).addCallback(with_text_channel)

    layer.connection = complete
    layer.receive_twisted = receive_twisted


def with_text_channel(received: tuple[Any, Any]) -> tuple[Any, Any]:
    channel, message = received
    return (channel.decode("utf-8") if isinstance(channel, bytes) else channel), message


shim = Shim(
    name="asgi-redis-txredisapi",
    cause="redis-py 4 omits settings that asgi_redis's Twisted mode reads; txredisapi decodes its messages.",
    source="asgi_redis 1.4.2 core.py:378-396; txredisapi 1.4.7 txredisapi.py:470-476",
    module="asgi_redis.core",
    needed=needed,
    apply=apply,
)
