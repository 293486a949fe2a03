"""Redis.zadd(key, **{member: score}), with which asgi_redis adds a channel to a group."""

from __future__ import annotations

import inspect
import time
from typing import Any

from ..shim import Shim


def needed() -> bool:
    import redis

    kinds = {parameter.kind for parameter in inspect.signature(redis.Redis.zadd).parameters.values()}
    return inspect.Parameter.VAR_KEYWORD not in kinds


def group_add(self: Any, group: str, channel: str) -> None:
    """Add the channel to the group for group_expiry seconds, with the time as its score."""
    assert self.valid_group_name(group), "Group name not valid"
    assert self.valid_channel_name(channel), "Channel name not valid"
    key = self._group_key(group)
    connection = self.connection(self.consistent_hash(group))
    connection.zadd(key, {channel: time.time()})
    connection.expire(key, self.group_expiry)


def apply(module: Any) -> None:
    module.RedisChannelLayer.group_add = group_add


shim = Shim(
    name="asgi-redis-zadd",
    cause="redis-py 3 wants zadd(key, {member: score}); asgi_redis passes members as keyword arguments.",
    source="asgi_redis 1.4.2 core.py:296-299; redis 8.1.0 commands/core.py:8250",
    module="asgi_redis.core",
    needed=needed,
    apply=apply,
)
