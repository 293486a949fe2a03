"""redis._compat, from which asgi_redis takes b(): native text to bytes."""

from __future__ import annotations

import sys
from typing import Any

from ..shim import Shim
from ..stand_ins import path

MODULE = "redis._compat"


def needed() -> bool:
    return not hasattr(sys.modules.get(MODULE), "b")


def apply(module: Any) -> None:
    from ..stand_ins.redis_compat import b

    module.b = b


stand_in = Shim(
    name="redis-compat-module",
    cause="redis-py 4 removed redis._compat; asgi_redis imports b from it.",
    source="asgi_redis 1.4.2 core.py:10, sentinel.py:9",
    module=MODULE,
    stand_in=path("redis_compat.py"),
)

shim = Shim(
    name="redis-compat-b",
    cause="redis-py 3.0-3.5 has redis._compat but without b; asgi_redis imports b from it.",
    source="asgi_redis 1.4.2 core.py:10, sentinel.py:9",
    module=MODULE,
    needed=needed,
    apply=apply,
)
