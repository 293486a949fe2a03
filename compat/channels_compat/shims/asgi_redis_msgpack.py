"""msgpack.unpackb(encoding=…), with which asgi_redis reads every message."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from ..shim import Shim


class OldMsgpack:
    """What asgi_redis.core sees as `msgpack`: the installed one, with the call of msgpack 0.5."""

    def __init__(self, msgpack: ModuleType) -> None:
        self._msgpack = msgpack

    def __getattr__(self, name: str) -> Any:
        return getattr(self._msgpack, name)

    def unpackb(self, packed: bytes, encoding: str = "utf8") -> Any:
        """As msgpack 0.5 read with encoding="utf8": raw is text, bin is bytes, any key is allowed."""
        return self._msgpack.unpackb(packed, raw=False, strict_map_key=False)


def needed() -> bool:
    msgpack = importlib.import_module("msgpack")

    try:
        msgpack.unpackb(b"\x80", encoding="utf8")
    except TypeError:
        return True
    return False


def apply(module: Any) -> None:
    module.msgpack = OldMsgpack(importlib.import_module("msgpack"))


shim = Shim(
    name="asgi-redis-msgpack",
    cause="msgpack 1.0 removed unpackb(encoding=), with which asgi_redis reads every message.",
    source="asgi_redis 1.4.2 core.py:524",
    module="asgi_redis.core",
    needed=needed,
    apply=apply,
)
