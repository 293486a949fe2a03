"""Database connections of Django in threads that come and go."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def connections_closed() -> Iterator[None]:
    """Around the work of a thread: its database connections are closed at the end, whatever CONN_MAX_AGE is.

    One that was kept would stay behind in a thread that nobody finds again.
    """
    from django.db import connections, reset_queries  # type: ignore[import-untyped]

    reset_queries()  # of DEBUG, which nobody else would ever empty here
    try:
        yield
    finally:
        try:
            connections.close_all()
        except Exception:
            logger.exception("closing a database connection failed")
