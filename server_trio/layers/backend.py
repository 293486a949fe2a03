"""asgi_redis without Twisted, whose import takes longer than all others of a server's start."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Final

from ..importing import instead

#: What asgi_redis takes where it is installed (core.py:16-19, twisted_utils.py:3-4), as it is beside daphne,
#: and does without where it is not. It is for `receive_twisted`, which only daphne calls.
OPTIONAL: Final = ("txredisapi", "twisted")


def import_backend(name: str) -> ModuleType:
    """The module of a channel layer. Raises ImportError, and what its code raises.

    Only asgi_redis itself is imported in this way: a project's own module may want Twisted.
    """
    if name.partition(".")[0] != "asgi_redis":
        return importlib.import_module(name)
    with instead(dict.fromkeys(OPTIONAL)):
        return importlib.import_module(name)
