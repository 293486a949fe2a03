"""All shims, in the order in which they are applied. One module a cause."""

from __future__ import annotations

from ..shim import Shim
from . import (
    anyio_trio,
    asgi_redis_blpop,
    asgi_redis_msgpack,
    asgi_redis_sentinel,
    asgi_redis_twisted,
    asgi_redis_zadd,
    autoreload,
    cgi_module,
    collections_abc,
    distutils_module,
    gettext_codeset,
    mail_surrogates,
    redis_compat,
    six_moves,
    smtp_keyfile,
    spawned_process,
    sqlite_rename,
    url_flags,
    url_validator,
)

SHIMS: tuple[Shim, ...] = (
    collections_abc.shim,
    cgi_module.shim,
    distutils_module.shim,
    six_moves.shim,
    gettext_codeset.shim,
    sqlite_rename.shim,
    url_flags.shim,
    url_validator.shim,
    mail_surrogates.shim,
    smtp_keyfile.shim,
    autoreload.shim,
    spawned_process.shim,
    redis_compat.stand_in,
    redis_compat.shim,
    asgi_redis_msgpack.shim,
    asgi_redis_zadd.shim,
    asgi_redis_blpop.shim,
    asgi_redis_blpop.sentinel,
    asgi_redis_sentinel.shim,
    asgi_redis_twisted.shim,
    anyio_trio.shim,
)
