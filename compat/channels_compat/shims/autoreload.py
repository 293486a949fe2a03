"""runserver's reloader, which starts `python manage.py …` anew: without the shims."""

from __future__ import annotations

import os
import sys
from typing import Any

from ..hooks import installed_finder
from ..shim import Shim


def needed() -> bool:
    # A manage.py that calls install() itself needs nothing: its child does so too.
    finder = installed_finder()
    return finder is not None and finder.prefix is not None


def command() -> list[str]:
    """How to start this program again with its shims. What it has made of sys.argv counts, as in Django."""
    finder = installed_finder()
    prefix = (finder.prefix if finder is not None else None) or [sys.executable]
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is None:
        return [*prefix, *sys.argv]
    return [*prefix, "-m", spec.name.removesuffix(".__main__"), *sys.argv[1:]]


def restart_with_reloader() -> int:
    """Start the program again until it ends for another reason than changed code (exit code 3)."""
    import subprocess

    environment = {**os.environ, "RUN_MAIN": "true"}
    while True:
        code = subprocess.call(command(), env=environment)  # noqa: S603 - our own command line
        if code != 3:
            return code


def apply(module: Any) -> None:
    if hasattr(module, "get_child_arguments"):  # Django 2.2
        module.get_child_arguments = command
    else:
        module.restart_with_reloader = restart_with_reloader


shim = Shim(
    name="django-autoreload",
    cause="runserver restarts itself as `python manage.py`; under `-m channels_compat` that loses the shims.",
    source="Django 1.11.29 django/utils/autoreload.py:287; Django 2.2.28 django/utils/autoreload.py:202",
    module="django.utils.autoreload",
    needed=needed,
    apply=apply,
)
