"""What handlers and filters of the project's LOGGING raise ends no operation and no server.

logging bears what a handler's `emit` reports by `handleError`, and nothing else: an exception of a handler or
of a filter comes out of `logger.info` (logging.Logger.handle), wherever the server says something.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any


class LogGuard:
    """Says on stderr what has been raised, once for each handler, filter and kind of exception."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def guard(self, logger: logging.Logger) -> None:
        """Guard this logger and all handlers that its records reach, also those that are added later."""
        if "handle" not in vars(logger):
            handle = functools.partial(self._handle, logger, logger.handle)
            logger.handle = handle  # type: ignore[method-assign]
        self._guard_handlers(logger)

    def _handle(
        self, logger: logging.Logger, handle: Callable[[logging.LogRecord], None], record: logging.LogRecord
    ) -> None:
        try:
            self._guard_handlers(logger)
            handle(record)
        except Exception as error:
            self._say(f"a filter of the logger {logger.name!r}", error)

    def _guard_handlers(self, logger: logging.Logger) -> None:
        for handler in _handlers(logger):
            if "handle" not in vars(handler):
                guarded = functools.partial(self._give, handler, handler.handle)
                handler.handle = guarded  # type: ignore[method-assign]

    def _give(
        self, handler: logging.Handler, handle: Callable[[logging.LogRecord], Any], record: logging.LogRecord
    ) -> Any:
        try:
            return handle(record)
        except Exception as error:
            kind = f"{type(handler).__module__}.{type(handler).__qualname__}"
            self._say(f"the log handler {handler.name or ''!r} ({kind})", error)
            return False

    def _say(self, who: str, error: Exception) -> None:
        if f"{who} {type(error)}" in self._said:
            return
        self._said.add(f"{who} {type(error)}")
        with contextlib.suppress(Exception):  # its text may fail, too, and stderr may be gone
            what = " ".join(f"{type(error).__name__}: {error}".split())
            if sys.stderr is not None:
                sys.stderr.write(f"server_trio: {who} raised {what}; what it refuses is lost (said once)\n")
                sys.stderr.flush()


def _handlers(logger: logging.Logger) -> Iterator[logging.Handler]:
    """Those that the logger's records reach (logging.Logger.callHandlers)."""
    place: logging.Logger | None = logger
    while place is not None:
        yield from place.handlers
        place = place.parent if place.propagate else None
