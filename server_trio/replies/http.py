"""An HTTP response, in the form that daphne 1.4.2 takes.

What daphne really takes (daphne/http_protocol.py:238-279): a first message with `status`, then
messages without; a second start, or a chunk before the start, leaves the browser waiting. For an
answer without a body (HEAD, 204, 304) exactly one message with no content, because a later chunk
would be written to the socket raw (:261). No 1xx, because it would be taken as the final status.

A response that is never ended stops daphne's timeout checker (daphne/server.py:200-206), so even
one that was cut short is ended. That the end is none a browser must be able to tell; what does it is
`_BREAK`.
"""

from __future__ import annotations

from typing import Any, Final

from channels_async import http_rules

from ..errors import OperationError
from ..limits import MAX_REPLY_CHUNK
from .base import Headers, Reply, ReplyState, as_bytes

#: Makes daphne close the connection to the browser. There is no message for that; but content that is no
#: bytes fails where Twisted writes it to the socket (twisted/internet/abstract.py:24 of 20.3), and what
#: fails there is closed. Newer Twisted refuses it before (:24 of 26.10), and daphne logs one line; the end
#: that is sent next is then all there is, and only a Content-Length shows that something is missing.
_BREAK: Final[dict[str, Any]] = {"content": [b""], "more_content": True}


class HttpReply(Reply):
    """One HTTP response on its way to the reply channel of a browser's request."""

    __slots__ = ()

    async def _start(
        self, status: int, headers: Headers, content: bytes | str, more: bool, items: bool
    ) -> None:
        content = as_bytes(content)
        first, rest = content[:MAX_REPLY_CHUNK], content[MAX_REPLY_CHUNK:]
        await self._send_part(
            {
                "status": status,
                "headers": headers,
                "content": first,
                "more_content": more or bool(rest),
            }
        )
        self.status = status
        if rest:
            await self._write(rest, more)

    async def _write(self, content: bytes | str, more: bool) -> None:
        content = as_bytes(content)
        if len(content) <= MAX_REPLY_CHUNK:
            await self._send_part({"content": content, "more_content": more})
            return
        for begin in range(0, len(content), MAX_REPLY_CHUNK):
            end = begin + MAX_REPLY_CHUNK
            await self._send_part({"content": content[begin:end], "more_content": more or end < len(content)})

    async def _fail(self, error: OperationError) -> None:
        if self.state is ReplyState.STARTED:
            await self._send(dict(_BREAK), last=False)
            await self._end()
            return
        status, headers, body = http_rules.error_response(
            error.status, str(error), self.id, error.retry_after, self._site_headers
        )
        await self.start(status, headers, body)

    async def _send_part(self, message: dict[str, Any]) -> None:
        await self._send(message, last=not message["more_content"])
        self.bytes_sent += len(message["content"])
        self.state = ReplyState.STARTED if message["more_content"] else ReplyState.FINISHED
