"""runserver's reloader, which starts `python manage.py …` anew: without the shims."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from ..hooks import installed_finder
from ..shim import Shim


def command() -> list[str] | None:
    """How this process was started, if it was by `python -m channels_compat`."""
    finder = installed_finder()
    return None if finder is None else finder.restart


def needed() -> bool:
    # A manage.py that calls install() itself needs nothing: its child does so too.
    return command() is not None


def restart_with_reloader() -> int:
    """Start the program again until it ends for another reason than changed code (exit code 3)."""
    environment = {**os.environ, "RUN_MAIN": "true"}
    while True:
        code = subprocess.call(command() or [], env=environment)  # noqa: S603 - our own command line
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
