"""An answer as messages on a channel of the project's own, for a consumer that goes on with it.

    id            text: the operation's; what the client method has returned
    operation     'REQUEST', 'FORWARD', 'CALL' or 'COMMAND'; None where the message could not be understood
    index         int: which piece this is, from 0
    status        int
    headers       list of [bytes, bytes]
    content       bytes, at most MAX_REPLY_CHUNK of them
    more_content  bool: False on the last one
    [error]       text: the operation has failed, and this is all

Several workers may read the channel, so pieces can be consumed in any order and by different processes:
each carries all but the other pieces' content. An error after the first piece is a piece of its own with
the error's status, so a consumer that has not seen the last piece, or has seen one with `error`, has
no complete answer.
"""

from __future__ import annotations

from typing import Any

from channels_async import http_rules

from ..errors import OperationError
from ..layers.base import Layer
from ..limits import MAX_REPLY_CHUNK
from .base import Headers, Reply, ReplyState, as_bytes


class MessageReply(Reply):
    """One answer on its way to a channel of the project's own."""

    __slots__ = ("_headers", "_index")

    def __init__(self, layer: Layer, channel: str, **others: Any) -> None:
        super().__init__(layer, channel, **others)
        self._headers: list[list[bytes]] = []
        self._index = 0

    async def _start(
        self, status: int, headers: Headers, content: bytes | str, more: bool, items: bool
    ) -> None:
        self.status = status
        self._headers = [[name, value] for name, value in headers]
        await self._write(content, more)

    async def _write(self, content: bytes | str, more: bool) -> None:
        content = as_bytes(content)
        pieces = [content[at : at + MAX_REPLY_CHUNK] for at in range(0, len(content), MAX_REPLY_CHUNK)]
        for number, piece in enumerate(pieces or [b""], 1):
            await self._send_piece(piece, more or number < len(pieces))

    async def _fail(self, error: OperationError) -> None:
        status, headers, body = http_rules.error_response(
            error.status, str(error), self.id, error.retry_after
        )
        self.status = status
        self._headers = [[name, value] for name, value in headers]
        await self._send_piece(b"" if self._index else body, False, error=str(error))

    async def _send_piece(self, content: bytes, more: bool, **others: str) -> None:
        await self._send(
            {
                "id": self.id,
                "operation": self.operation,
                "index": self._index,
                "status": self.status,
                "headers": self._headers,
                "content": content,
                "more_content": more,
                **others,
            }
        )
        self._index += 1
        self.bytes_sent += len(content)
        self.state = ReplyState.STARTED if more else ReplyState.FINISHED
