"""The import hook: lets a shim act when its module is imported, and not before.

Two finders. The first, at the front of sys.meta_path, changes nothing about where a module comes
from; it wraps the loader of the few modules that have a shim, so that the shim runs around the
module's code. The second, at the end, serves stand-ins for modules that nobody else has found.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from .shim import Shim

if TYPE_CHECKING:
    from importlib.abc import Loader  # importing it costs 20 ms; the import system asks for no base class


class ShimFinder:
    """Front of sys.meta_path: runs shims around the import of their modules.

    applied: names of the shims that were applied in this process, in order.
    prefix: `python … -m channels_compat`, where that started this process; None where the program
        installed the shims itself.
    """

    def __init__(self, shims: Iterable[Shim]) -> None:
        self.applied: list[str] = []
        self.prefix: list[str] | None = None
        self._lock = threading.Lock()
        self._at_start: list[Shim] = []
        self._by_module: dict[str, list[Shim]] = {}
        for shim in shims:
            if not shim.module:
                self._at_start.append(shim)
            elif shim.stand_in is None:
                self._by_module.setdefault(shim.module, []).append(shim)

    def start(self) -> None:
        """Apply what waits for no import, and what belongs to modules that were imported already."""
        for shim in self._at_start:
            if shim.needed() and shim.apply is not None:
                shim.apply(None)
                self.note(shim)
        for name, shims in self._by_module.items():
            module = sys.modules.get(name)
            if module is not None:
                self.after(module, [shim for shim in shims if shim.needed()])

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        shims = self._by_module.get(fullname)
        if shims is None:
            return None
        spec = find_elsewhere(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = cast("Loader", ShimLoader(spec.loader, self, shims))
        return spec

    def after(self, module: ModuleType, shims: Iterable[Shim]) -> None:
        for shim in shims:
            if shim.apply is not None:
                shim.apply(module)
            self.note(shim)

    def note(self, shim: Shim) -> None:
        with self._lock:
            if shim.name not in self.applied:
                self.applied.append(shim.name)


class ShimLoader:
    """The loader that was found, with shims around exec_module; otherwise it is that loader."""

    def __init__(self, loader: Loader, finder: ShimFinder, shims: Sequence[Shim]) -> None:
        self._loader = loader
        self._finder = finder
        self._shims = shims

    def __getattr__(self, name: str) -> Any:
        # get_source, get_data, is_package …: inspect, linecache and pkgutil ask for them.
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # The module must look afterwards as if nobody had been here.
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        prepared = [shim for shim in self._shims if shim.prepare is not None and shim.needed()]
        for shim in prepared:
            if shim.prepare is not None:
                shim.prepare()
        self._loader.exec_module(module)
        self._finder.after(
            module, [s for s in self._shims if s in prepared or (s.prepare is None and s.needed())]
        )


class StandInFinder:
    """End of sys.meta_path: a stand-in for a module that no other finder knows."""

    def __init__(self, shims: Iterable[Shim], front: ShimFinder) -> None:
        self._front = front
        self._shims = {shim.module: shim for shim in shims if shim.stand_in is not None}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        shim = self._shims.get(fullname)
        if shim is None or not shim.needed():
            return None
        self._front.note(shim)
        # A file called __init__.py makes it a package, whose submodules lie beside it.
        return importlib.util.spec_from_file_location(fullname, shim.stand_in)


def installed_finder() -> ShimFinder | None:
    """The finder that install() put on sys.meta_path, or None."""
    return next((finder for finder in sys.meta_path if isinstance(finder, ShimFinder)), None)


def find_elsewhere(
    fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
) -> ModuleSpec | None:
    """The spec that the import system would find without the hooks of this package, or None."""
    for finder in sys.meta_path:
        if isinstance(finder, (ShimFinder, StandInFinder)):
            continue
        # Finders without find_spec are of the old protocol, which Python 3.12 no longer asks.
        find_spec = getattr(finder, "find_spec", None)
        spec: ModuleSpec | None = None if find_spec is None else find_spec(fullname, path, target)
        if spec is not None:
            return spec
    return None
