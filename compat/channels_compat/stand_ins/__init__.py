"""Files that take the place of modules which are gone: the small part of each that the old stack uses."""

from __future__ import annotations

import os.path


def path(name: str) -> str:
    """Where the stand-in with that file name lies."""
    return os.path.join(os.path.dirname(__file__), name)
