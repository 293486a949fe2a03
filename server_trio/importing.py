"""Importing a package without what it would bring along and no server needs, so that a start is short."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def instead(modules: Mapping[str, ModuleType | None]) -> Iterator[None]:
    """Whoever imports one of these names meanwhile gets that module, or ImportError where it is None.

    Not where it has been imported already. For the start, when nobody else imports anything.
    """
    absent = {name: module for name, module in modules.items() if name not in sys.modules}
    sys.modules.update(absent)  # type: ignore[arg-type] # None is the import system's word for: not here
    try:
        yield
    finally:
        for name in absent:
            sys.modules.pop(name, None)  # setuptools takes distutils out by itself, when it is imported
