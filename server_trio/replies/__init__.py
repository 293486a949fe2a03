"""The answer of one operation: put on its reply channel exactly once, in the form that is awaited there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from channels_async.wire import Operation

from ..layers.base import Layer
from .base import Headers, Reply, ReplyState
from .http import HttpReply

__all__ = ["FORMS", "Headers", "HttpReply", "Reply", "ReplyState", "make_reply"]

#: By the `reply_format` of the wire: makes the reply of an operation. What is not here cannot be asked for.
FORMS: Final[Mapping[str, Callable[[Layer, Operation], Reply]]] = {
    "http": lambda layer, operation: HttpReply(
        layer, str(operation.reply_channel), bodiless=operation.head
    ),
}


def make_reply(layer: Layer, operation: Operation) -> Reply:
    """The reply of an operation in the form it asks for."""
    return FORMS.get(operation.reply_format, FORMS["http"])(layer, operation)
