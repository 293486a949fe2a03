"""What becomes of an operation whose server has died: done again, or answered that it is lost."""

from __future__ import annotations

from typing import Final

from channels_async.wire import Operation

from .errors import OperationError, OperationLost
from .layers.base import Past
from .operations import Handler

#: Methods that may be sent again when nobody knows what became of the first (RFC 9110 section 9.2.2).
REPEATABLE_METHODS: Final = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"))


def is_repeatable(operation: Operation, handler: Handler | None) -> bool:
    """Whether doing it twice is as good as once.

    A REQUEST or FORWARD by its method, or because the view says so; others where their handler, which
    knows their settings, says so. Not one whose body was read from a channel: it is there no more.
    """
    details = operation.details
    if getattr(details, "body_channel", None) is not None:
        return False
    if operation.name in ("REQUEST", "FORWARD"):
        return details.idempotent or details.method in REPEATABLE_METHODS
    check = getattr(handler, "is_repeatable", None)
    return check is not None and bool(check(details))


def refusal(past: Past, *, repeatable: bool, attempts: int) -> OperationError | None:
    """Why an operation that a dead server had is not done (again); None if it is."""
    if past.begun:
        return OperationLost("the server that was answering died")
    if not repeatable:
        return OperationLost("the server that worked on this died; whether it was done is not known")
    if past.attempt > attempts:
        died = past.attempt - 1
        what = "a server died while it" if died == 1 else f"{died} servers died while they"
        return OperationLost(f"{what} worked on this")
    return None
