"""The answer of one operation: put on its reply channel exactly once, in the form that is awaited there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from channels_async.wire import Operation

from ..layers.base import Entry, Layer
from .base import Headers, Reply, ReplyState, as_bytes
from .http import HttpReply
from .message import MessageReply
from .nothing import NoReply
from .websocket import WebSocketReply

__all__ = [
    "FORMS",
    "Headers",
    "HttpReply",
    "MessageReply",
    "NoReply",
    "Reply",
    "ReplyState",
    "WebSocketReply",
    "as_bytes",
    "make_reply",
]

#: By the `reply_format` of the wire (channels_async.wire.REPLY_FORMATS): all that can be asked for.
FORMS: Final[Mapping[str, type[Reply]]] = {
    "http": HttpReply,
    "websocket": WebSocketReply,
    "message": MessageReply,
    "none": NoReply,
}


def make_reply(layer: Layer, operation: Operation, entry: Entry | None = None) -> Reply:
    """The reply of an operation in the form it asks for. `entry` is where the journal has it."""
    return FORMS[operation.reply_format](
        layer,
        operation.reply_channel or "",
        bodiless=operation.head,
        id=operation.id,
        operation=operation.name,
        site_headers=operation.response_headers,
        entry=entry,
    )
