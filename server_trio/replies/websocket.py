"""An answer as frames of a WebSocket, in the form that daphne 1.4.2 takes.

A frame has no status and no headers and nothing marks the last one. So an answer in pieces is held until
it is complete, within a bound, and becomes one frame; a stream whose pieces mean something by
themselves (`items`) becomes a frame for each, as they come. What makes a frame text is decided by
`frame_rules.answer_frame`, the same for the inline form in the consumer.

The socket is never closed from here: it is the consumer's. A frame accepts one that nobody has
accepted yet (daphne/ws_protocol.py:187-189).
"""

from __future__ import annotations

from typing import Any

from channels_async import frame_rules

from ..errors import AnswerTooLarge, OperationError
from ..layers.base import Layer
from .base import Headers, Reply, ReplyState, as_bytes


class WebSocketReply(Reply):
    """One answer on its way to a WebSocket."""

    __slots__ = ("_headers", "_held", "_held_bytes", "_items")

    def __init__(self, layer: Layer, channel: str, **others: Any) -> None:
        super().__init__(layer, channel, **others)
        self._headers: Headers = ()
        self._items = False
        self._held: list[bytes | str] = []
        self._held_bytes = 0

    async def _start(
        self, status: int, headers: Headers, content: bytes | str, more: bool, items: bool
    ) -> None:
        self.status = status
        self._headers = headers
        self._items = items
        self.state = ReplyState.STARTED
        await self._write(content, more)

    async def _write(self, content: bytes | str, more: bool) -> None:
        if self._items:
            self._check_size(frame_rules.frame_size(content))
            await self._send_frame(frame_rules.item_frame(content), last=not more)
        else:
            self._hold(content)
            if not more:
                await self._send_frame(self._whole(), last=True)
        if not more:
            self.state = ReplyState.FINISHED

    async def _fail(self, error: OperationError) -> None:
        self._held.clear()
        self.status = error.status
        frame = frame_rules.error_frame(error.status, str(error), self.id, error.retry_after)
        await self._send_frame(frame, last=True)
        self.state = ReplyState.FINISHED

    def _hold(self, content: bytes | str) -> None:
        self._held_bytes += frame_rules.frame_size(content)
        self._check_size(self._held_bytes)
        if content:
            self._held.append(content)

    def _whole(self) -> dict[str, Any] | None:
        """The frame of what is held: text stays text, unless there are bytes among it."""
        texts = [piece for piece in self._held if isinstance(piece, str)]
        whole = "".join(texts) if len(texts) == len(self._held) else b"".join(map(as_bytes, self._held))
        self._held.clear()
        return frame_rules.answer_frame(self.status or 200, self._headers, whole, self.id)

    def _check_size(self, size: int) -> None:
        if size > frame_rules.MAX_FRAME:
            raise AnswerTooLarge(
                f"the answer is larger than the {frame_rules.MAX_FRAME} bytes of a WebSocket frame here"
            )

    async def _send_frame(self, frame: dict[str, Any] | None, *, last: bool) -> None:
        """Send what is one; daphne sends no empty frame, so an empty answer is none."""
        if frame is not None:
            await self._send(frame, last=last)
            self.bytes_sent += frame_rules.frame_size(frame.get("bytes") or frame["text"])
