"""An answer as messages on a channel of the project's own, for a consumer that goes on with it.

What is in each is the contract's (channels_async.wire.encode_result). They are as few as can be: content
is held until a message is full, but for items, which are a message each as they come. An error after the
first piece is a piece of its own, with the error's status and no content.
"""

from __future__ import annotations

from typing import Any

from channels_async import http_rules, wire

from ..errors import OperationError
from ..layers.base import Layer
from ..limits import MAX_REPLY_CHUNK
from .base import Headers, Reply, ReplyState, as_bytes


class MessageReply(Reply):
    """One answer on its way to a channel of the project's own."""

    __slots__ = ("_headers", "_held", "_index", "_items")

    def __init__(self, layer: Layer, channel: str, **others: Any) -> None:
        super().__init__(layer, channel, **others)
        self._headers: Headers = ()
        self._held = bytearray()
        self._index = 0
        self._items = False

    def resume(self) -> None:
        super().resume()
        self._index = -1  # only the one who has died knows how many there were

    async def _start(
        self, status: int, headers: Headers, content: bytes | str, more: bool, items: bool
    ) -> None:
        self.status = status
        self._headers = headers
        self._items = items
        self.state = ReplyState.STARTED
        await self._write(content, more)

    async def _write(self, content: bytes | str, more: bool) -> None:
        self._held += as_bytes(content)
        while len(self._held) > MAX_REPLY_CHUNK:
            await self._send_piece(True)
        if not more or (self._items and self._held):
            await self._send_piece(more)
        self.state = ReplyState.STARTED if more else ReplyState.FINISHED

    async def _fail(self, error: OperationError) -> None:
        status, headers, body = http_rules.error_response(
            error.status, str(error), self.id, error.retry_after
        )
        self.status = status
        self._headers = headers
        self._held[:] = b"" if self._index else body[:MAX_REPLY_CHUNK]
        await self._send_piece(False, str(error))
        self.state = ReplyState.FINISHED

    async def _send_piece(self, more: bool, error: str | None = None) -> None:
        """Send what is held, or as much of it as is allowed."""
        content = bytes(self._held[:MAX_REPLY_CHUNK])
        await self._send(
            wire.encode_result(
                self.id, self.operation, self._index, self.status, self._headers, content, more, error
            ),
            last=not more,
        )
        del self._held[:MAX_REPLY_CHUNK]
        self._index += 1
        self.bytes_sent += len(content)
