"""Where a shard is and how to connect to it, read from the project's own asgi_redis layer object."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Protocol

import redis
import redis.asyncio as aioredis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

CONNECT_TIMEOUT = 5.0  # seconds, unless connection_kwargs has socket_connect_timeout


class Endpoint(Protocol):
    """One shard."""

    @property
    def label(self) -> str:
        """For people: 'host:port', a socket's path or a service's name; never a password."""
        ...

    async def connection(self) -> AbstractConnection:
        """A new connection of redis.asyncio, not yet connected. Runs in asyncio."""
        ...


class _TlsConnection(aioredis.SSLConnection):
    """One that closes at once.

    asyncio would wait 30 s, and before Python 3.11 for ever, for the other to say goodbye. One that falls
    silent while a connection is made would cost a file descriptor at each attempt.
    """

    async def disconnect(self, *args: Any, **options: Any) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
        await super().disconnect(*args, **options)


class DirectEndpoint:
    """A Redis at a fixed address."""

    def __init__(self, pool: Any) -> None:
        """`pool`: the redis-py connection pool that asgi_redis made from the host's URL."""
        options = dict(pool.connection_kwargs)
        if issubclass(pool.connection_class, redis.SSLConnection):
            self._kind: type[AbstractConnection] = _TlsConnection
        elif issubclass(pool.connection_class, redis.UnixDomainSocketConnection):
            self._kind = aioredis.UnixDomainSocketConnection
        else:
            self._kind = aioredis.Connection
        self._options = _for_bridge(self._kind, options)
        path = options.get("path")
        self._label = str(path) if path else f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"

    @property
    def label(self) -> str:
        return self._label

    async def connection(self) -> AbstractConnection:
        return self._kind(**self._options)


class SentinelEndpoint:
    """The master of one service, asked of the Sentinels at every new connection."""

    def __init__(self, sentinel: Any, service: str) -> None:
        """`sentinel`: the `redis.sentinel.Sentinel` that asgi_redis made."""
        self._service = service
        self._hosts = [_address(client) for client in sentinel.sentinels]
        self._least_others: int = sentinel.min_other_sentinels
        self._sentinel_options = {
            name: value for name, value in sentinel.sentinel_kwargs.items() if name != "socket_timeout"
        }
        options = dict(sentinel.connection_kwargs)
        self._kind: type[aioredis.Connection] = (
            _TlsConnection if options.pop("ssl", False) else aioredis.Connection
        )
        self._options = _for_bridge(self._kind, options)

    @property
    def label(self) -> str:
        where = ", ".join(f"{host}:{port}" for host, port in self._hosts)
        return f"the master of service {self._service!r} (Sentinel at {where})"

    async def connection(self) -> AbstractConnection:
        host, port = await self._master()
        return self._kind(**{**self._options, "host": host, "port": port})

    async def _master(self) -> tuple[str, int]:
        options = {"socket_connect_timeout": CONNECT_TIMEOUT, **self._sentinel_options}
        options |= {"socket_timeout": CONNECT_TIMEOUT, "protocol": 2, "retry": Retry(NoBackoff(), 0)}
        sentinel = Sentinel(  # type: ignore[no-untyped-call]
            self._hosts, self._least_others, sentinel_kwargs=options
        )
        try:
            host, port = await sentinel.discover_master(self._service)
        finally:
            for client in sentinel.sentinels:
                await client.aclose()
        return str(host), int(port)


def _address(client: Any) -> tuple[str, int]:
    options = client.connection_pool.connection_kwargs
    return options["host"], int(options["port"])


def _for_bridge(kind: type[AbstractConnection], options: Mapping[str, Any]) -> dict[str, Any]:
    """The project's options that mean something here, and what the bridge needs to have its way.

    No read timeout (redis-py 8 sets 5 s, which an idle blocking pop outlives), no retries (a
    retried script could be done twice; the bridge repeats what it knows to be safe), RESP 2 (3
    needs Redis 6, and nothing here uses it).
    """
    known: set[str] = set()
    for base in kind.__mro__:
        known.update(inspect.signature(base).parameters if base is not object else ())
    wanted = {name: value for name, value in options.items() if name in known}
    for name in ("decode_responses", "parser_class", "retry_on_timeout", "retry_on_error", "encoder_class"):
        wanted.pop(name, None)
    for name in ("himport_registry", "event_dispatcher", "redis_connect_func"):
        wanted.pop(name, None)
    if wanted.get("socket_connect_timeout") is None:
        wanted["socket_connect_timeout"] = CONNECT_TIMEOUT
    wanted = {name: value for name, value in wanted.items() if not name.startswith(("orig_", "maint"))}
    return wanted | {
        "socket_timeout": None,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "health_check_interval": 0,
        "encoding": "utf-8",
    }
