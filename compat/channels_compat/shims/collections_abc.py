"""collections.Iterator and the other ABCs that Python 3.10 left in collections.abc only."""

from __future__ import annotations

import collections
import collections.abc
from typing import Any

from ..shim import Shim


def needed() -> bool:
    return not hasattr(collections, "Iterator")


def apply(module: Any) -> None:
    for name in collections.abc.__all__:
        if not hasattr(collections, name):
            setattr(collections, name, getattr(collections.abc, name))


shim = Shim(
    name="collections-abc",
    cause="Python 3.10 removed the ABCs from collections, where Django 1.11 looks for Iterator and Mapping.",
    source="Django 1.11.29 django/http/multipartparser.py:10; Python 3.10 Lib/collections/__init__.py",
    needed=needed,
    apply=apply,
)
