"""Script(None, text), with which asgi_redis's Sentinel layer registers its Lua scripts."""

from __future__ import annotations

import importlib
from typing import Any

from ..shim import Shim


def needed() -> bool:
    client = importlib.import_module("redis.client")
    if not hasattr(client, "Script"):
        return True
    try:
        client.Script(None, "return 1")
    except AttributeError:
        return True
    return False


def prepare() -> None:
    """redis-py 4 and 5 have Script, but not where asgi_redis imports it from."""
    client = importlib.import_module("redis.client")
    if not hasattr(client, "Script"):
        client.Script = importlib.import_module("redis.commands.core").Script  # type: ignore[attr-defined]


def apply(module: Any) -> None:
    script_class = module.Script

    def script(client: Any, source: str | bytes) -> Any:
        # Bytes need no encoder, and only for its encoder is the client asked here.
        return script_class(client, source.encode("utf-8") if isinstance(source, str) else source)

    module.Script = script


shim = Shim(
    name="asgi-redis-sentinel-script",
    cause="redis-py 2.10.6 asks a script's client for its encoding; asgi_redis's Sentinel layer passes None.",
    source="asgi_redis 1.4.2 sentinel.py:8,82-85; redis 8.1.0 commands/core.py, class Script",
    module="asgi_redis.sentinel",
    needed=needed,
    prepare=prepare,
    apply=apply,
)
