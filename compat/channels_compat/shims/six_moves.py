"""django.utils.six.moves: an importer of the old protocol, which Python 3.12 no longer asks."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from ..shim import Shim

SIX = "django.utils.six"


def needed() -> bool:
    importer = importlib.import_module(SIX)._importer
    # Up to Python 3.11 the import system falls back on find_module itself.
    return not hasattr(importer, "find_spec") and not legacy()


def legacy() -> bool:
    """Whether this Python still asks finders that have find_module only."""
    return hasattr(importlib.import_module("importlib._bootstrap"), "_find_spec_legacy")


def apply(module: Any) -> None:
    real_specs: dict[str, Any] = {}

    def find_spec(
        self: Any, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname in self.known_modules else None

    def create_module(self: Any, spec: ModuleSpec) -> Any:
        moved = self.load_module(spec.name)
        real_specs[spec.name] = getattr(moved, "__spec__", None)
        return moved

    def exec_module(self: Any, moved: Any) -> None:
        # The import system has just put the alias's spec on the real module (html.parser, say):
        # without its own one, reload, pkgutil and -m would take it for django.utils.six.moves.…
        spec = moved.__spec__
        moved.__spec__ = real_specs.pop(spec.name) or spec

    importer = module._SixMetaPathImporter
    importer.find_spec = find_spec
    importer.create_module = create_module
    importer.exec_module = exec_module


shim = Shim(
    name="django-six-moves",
    cause="Python 3.12 asks finders for find_spec only; the six inside Django has find_module.",
    source="Django 1.11.29 django/utils/six.py:184; Django 2.2.28 django/utils/six.py:182",
    module=SIX,
    needed=needed,
    apply=apply,
)
