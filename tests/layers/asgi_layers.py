"""Channel layers of a project's own, good and bad, as CHANNEL_LAYERS may name them."""

from __future__ import annotations

from typing import Any

from asgi_redis import RedisChannelLayer, RedisLocalChannelLayer  # type: ignore[import-untyped]
from redis.exceptions import ConnectionError


class CallableCapacity(RedisChannelLayer):  # type: ignore[misc]
    """Leaves the format alone."""

    def get_capacity(self, channel: str) -> int:
        return 2 if channel == "small" else 100


class JsonLayer(RedisChannelLayer):  # type: ignore[misc]
    """Another format on the same keys."""

    def serialize(self, message: Any) -> bytes:
        return repr(message).encode()


class OtherGroups(RedisChannelLayer):  # type: ignore[misc]
    """Its own idea of who is in a group."""

    def group_add(self, group: str, channel: str) -> None:
        super().group_add(group.lower(), channel)


class LocalLayer(RedisLocalChannelLayer):  # type: ignore[misc]
    """RedisLocalChannelLayer, where asgi_ipc need not be installed."""

    def __init__(self, **kwargs: Any) -> None:
        RedisChannelLayer.__init__(self, **kwargs)


class AsksAtOnce:
    """Needs its server when it is made, as RedisSentinelChannelLayer does without `services`."""

    def __init__(self, **config: Any) -> None:
        raise ConnectionError("Failed to connect to <Redis(password=secret)>")


class Demanding:
    """Cannot be made."""

    def __init__(self, **config: Any) -> None:
        raise RuntimeError("not today")
