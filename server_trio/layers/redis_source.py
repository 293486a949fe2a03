"""What the bridge has to know of the project's asgi_redis layer object, read once and in one place."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .redis_codec import Codec
from .redis_endpoint import DirectEndpoint, Endpoint, SentinelEndpoint

#: What a subclass of asgi_redis's layer must have left alone for the bridge to know its format.
FORMAT_METHODS = (
    "send", "receive", "send_group", "group_channels", "serialize", "deserialize", "non_local_name",
    "_receive_list_names", "_group_key", "_incr_statistics_counter", "connection",
    "group_add", "group_discard",
    "lua_chansend", "lua_incrstatcounters", "lua_lpopmany",
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """An asgi_redis layer's format. Times in seconds; keys as text."""

    prefix: str
    expiry: int
    group_expiry: int
    stats_prefix: str
    global_stats_key: str
    channel_counter_ttl: int
    global_counter_ttl: int
    codec: Codec
    endpoints: Sequence[Endpoint]
    get_capacity: Callable[[str], int]
    consistent_hash: Callable[[str], int]

    @property
    def global_counters(self) -> tuple[str, str]:
        """Keys of messages_count and channel_full_count over all channels."""
        return self.channel_counters(self.global_stats_key)

    def channel_counters(self, name: str) -> tuple[str, str]:
        """Keys of messages_count and channel_full_count (asgi_redis/core.py:488-505)."""
        return f"{self.stats_prefix}{name}:messages_count", f"{self.stats_prefix}{name}:channel_full_count"

    def new_message_keys(self) -> Iterator[str]:
        """Keys that no message has, without end: as long as the uuid4 that asgi_redis takes (core.py:159)."""
        # Half of it by chance, for all of them: the system's generator is not asked for each message.
        start = self.prefix + secrets.token_hex(8)
        return (f"{start}{number:016x}" for number in itertools.count())

    def is_message_key(self, key: bytes) -> bool:
        """Whether a message can lie there: the prefix, then letters and digits."""
        prefix = self.prefix.encode("utf-8")
        return key.startswith(prefix) and key[len(prefix) :].isalnum()

    @property
    def servers_key(self) -> str:
        """The hash of the servers that live, see redis_scripts."""
        return f"{self.prefix}:servers"

    def journal_key(self, id: str) -> str:
        """The hash of what the server `id` has claimed and not answered."""
        return f"{self.prefix}:journal:{id}"

    def claims_key(self, id: str) -> str:
        """The set of claimed lists of the server `id`."""
        return f"{self.prefix}:claims:{id}"

    @property
    def dead_key(self) -> str:
        """The list of dead letters."""
        return f"{self.prefix}:dead"

    @property
    def news_key(self) -> str:
        """The stream of what servers tell each other."""
        return f"{self.prefix}:news"

    def report_key(self, id: str) -> str:
        """What the server `id` said last of itself, see redis_reports."""
        return f"{self.prefix}:report:{id}"

    def group_key(self, group: str) -> str:
        """asgi_redis/core.py:344-345; the second colon is asgi_redis's."""
        return f"{self.prefix}:group:{group}"


def speaks_known_format(layer: Any) -> bool:
    """Whether `layer` is asgi_redis's own, or a subclass that leaves its format and keys alone."""
    import asgi_redis  # type: ignore[import-untyped]

    for known in (asgi_redis.RedisSentinelChannelLayer, asgi_redis.RedisChannelLayer):
        if isinstance(layer, known):
            return all(getattr(type(layer), name) is getattr(known, name) for name in FORMAT_METHODS)
    return False


def read_source(layer: Any) -> Source:
    """The format and the shards of `layer`, an object of which `speaks_known_format`."""
    endpoints: list[Endpoint]
    if hasattr(layer, "services"):
        endpoints = [SentinelEndpoint(layer._sentinel, _text(service)) for service in layer.services]
    else:
        pools = [layer.connection(index).connection_pool for index in range(layer.ring_size)]
        endpoints = [DirectEndpoint(pool) for pool in pools]
    return Source(
        prefix=layer.prefix,
        expiry=layer.expiry,
        group_expiry=layer.group_expiry,
        stats_prefix=layer.stats_prefix,
        global_stats_key=layer.global_stats_key,
        channel_counter_ttl=layer.channel_statistics_expiry,
        global_counter_ttl=layer.global_statistics_expiry,
        codec=Codec(layer.crypter, layer.expiry + 10),  # the margin is asgi_redis's (core.py:522-523)
        endpoints=endpoints,
        get_capacity=layer.get_capacity,
        consistent_hash=layer.consistent_hash,
    )


def _text(name: Any) -> str:
    return name.decode("utf-8") if isinstance(name, bytes) else str(name)
