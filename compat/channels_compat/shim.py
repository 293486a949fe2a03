"""What a shim is: one cause, a check whether it exists here, and the smallest cure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def always() -> bool:
    """For a shim whose condition is that an import found nothing: the hook has checked it already."""
    return True


@dataclass(frozen=True)
class Shim:
    """One incompatibility and its cure.

    name: what the report calls it.
    cause: one sentence: what is missing or different, since when, and who trips over it.
    source: package, version, file:line of the code that breaks.
    module: the module whose import triggers the shim; empty for one that is applied by install().
    needed: asks the real thing, not a version number. Called when the trigger has come, so it may
        import what the trigger imports anyway.
    prepare: runs just before the module's code (only with `module`).
    apply: runs after the module's code and gets the module, or at install() and gets None.
    stand_in: path of a file that becomes `module` if no other finder knows it.
    """

    name: str
    cause: str
    source: str
    module: str = ""
    needed: Callable[[], bool] = always
    prepare: Callable[[], None] | None = None
    apply: Callable[[Any], None] | None = None
    stand_in: str | None = None
