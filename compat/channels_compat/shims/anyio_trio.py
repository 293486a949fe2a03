"""trio.MultiError, on which anyio 3's Trio backend builds, and so asks 3.0.0."""

from __future__ import annotations

import builtins
import importlib
from types import TracebackType
from typing import Any

from ..shim import Shim


def group_class() -> Any:
    """BaseExceptionGroup: a builtin since 3.11, before that of a package that Trio brings."""
    package = "builtins" if hasattr(builtins, "BaseExceptionGroup") else "exceptiongroup"
    return importlib.import_module(package).BaseExceptionGroup


def needed() -> bool:
    import trio

    return not hasattr(trio, "MultiError")


def prepare() -> None:
    """Lend Trio the name while anyio's backend defines `class ExceptionGroup(…, trio.MultiError)`."""
    import trio

    groups = group_class()
    text = "several tasks failed"

    def new(cls: type, exceptions: list[BaseException]) -> Any:
        return groups.__new__(cls, text, exceptions)

    def init(self: Any, exceptions: list[BaseException]) -> None:
        groups.__init__(self, text, exceptions)

    vars(trio)["MultiError"] = type("MultiError", (groups,), {"__new__": new, "__init__": init})


def apply(module: Any) -> None:
    """Take the name back, and turn Trio's exception groups into what anyio 3 promises its callers."""
    import trio

    vars(trio).pop("MultiError", None)
    groups = group_class()

    async def __aexit__(
        self: Any,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> Any:
        try:
            return await self._nursery_manager.__aexit__(exc_type, exc_val, exc_tb)
        except groups as group:
            # anyio 3 documents: one error is raised as it is, several as anyio.ExceptionGroup.
            if len(group.exceptions) == 1:
                raise group.exceptions[0] from None
            raise module.ExceptionGroup(list(group.exceptions)) from None
        finally:
            self._active = False

    module.TaskGroup.__aexit__ = __aexit__


shim = Shim(
    name="anyio-trio-multierror",
    cause="Trio 0.24 removed MultiError; anyio 3, which asks 3.0.0 requires, derives a class from it.",
    source="anyio 3.7.1 _backends/_trio.py:162,186; trio docs/history.rst (0.24.0)",
    module="anyio._backends._trio",
    needed=needed,
    prepare=prepare,
    apply=apply,
)
