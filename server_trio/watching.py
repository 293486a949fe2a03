"""`--reload`, for development: what tells that the project's code has changed."""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress

import trio

from .errors import SettingsError


def check_watcher() -> None:
    """Raises SettingsError where there is nothing to watch with."""
    if importlib.util.find_spec("watchfiles") is None:
        raise SettingsError(
            "--reload needs watchfiles, which is not installed here: pip install 'channels-async[dev]'"
        )


def project_folders(settings_module: str) -> list[str]:
    """The directory that the server was started in, and that of its settings where it lies elsewhere."""
    here = os.getcwd()
    with suppress(ImportError, ValueError):
        spec = importlib.util.find_spec(settings_module)
        if spec is not None and spec.origin is not None:
            folder = os.path.dirname(os.path.abspath(spec.origin))
            if os.path.commonpath([here, folder]) != here:
                return [here, folder]
    return [here]


@asynccontextmanager
async def changes(folders: Sequence[str]) -> AsyncIterator[AsyncIterator[list[str]]]:
    """Paths of Python files in these folders that have changed: those of one moment together."""
    stop = threading.Event()

    async def next_changes() -> AsyncGenerator[list[str], None]:
        import watchfiles

        # Not awatch: it needs an anyio that is at home in this Trio, and asks holds it at one that is not.
        watcher = watchfiles.watch(
            *folders, watch_filter=watchfiles.PythonFilter(), stop_event=stop, ignore_permission_denied=True
        )
        while found := await trio.to_thread.run_sync(next, watcher, None, abandon_on_cancel=True):
            yield sorted({path for _, path in found})

    try:
        async with aclosing(next_changes()) as iterator:
            yield iterator
    finally:
        stop.set()  # the thread looks at it twenty times a second
