"""All shims, in the order in which they are applied. One module a cause."""

from __future__ import annotations

from ..shim import Shim
from . import (
    anyio_trio,
    asgi_redis_blpop,
    asgi_redis_msgpack,
    asgi_redis_sentinel,
    asgi_redis_zadd,
    collections_abc,
    redis_compat,
)

SHIMS: tuple[Shim, ...] = (
    collections_abc.shim,
    redis_compat.stand_in,
    redis_compat.shim,
    asgi_redis_msgpack.shim,
    asgi_redis_zadd.shim,
    asgi_redis_blpop.shim,
    asgi_redis_sentinel.shim,
    anyio_trio.shim,
)
