"""The rest of a browser's body, which lies in pieces on a channel of the layer.

Each piece is a message with `content`, `more_content` and `closed` (channels' docs/asgi/www.rst, "Request
Body Chunk"); daphne 1.4.2 makes none, other servers and our client for large bodies do. One piece is in
memory at a time: as long as the upstream takes none, the rest stays on the layer.
"""

from __future__ import annotations

from typing import Final

import trio

from ..errors import LayerUnavailable, UploadBroken
from ..layers.base import Layer, Received

#: Seconds before a layer that is away is asked again; the operation's deadline ends it.
RETRY: Final = 0.1


class BodyPieces:
    """A body as it comes, by `async for`: what was in the request itself, then what is on the channel.

    Raises UploadBroken where the browser has gone before the end (`closed`), and for what is no piece.
    A piece that has expired on the layer is missing without a word: who knows the length will see it.
    """

    def __init__(self, layer: Layer, first: bytes | None, channel: str | None) -> None:
        self._layer = layer
        self._first = first
        self._channel = channel

    def __aiter__(self) -> BodyPieces:
        return self

    async def __anext__(self) -> bytes:
        if self._first:
            first, self._first = self._first, None
            return first
        if self._channel is None:
            raise StopAsyncIteration
        received = await self._receive(self._channel)
        piece = received.content
        if received.fault is not None or not isinstance(piece, dict):
            raise UploadBroken("a part of the request's body could not be read")
        if piece.get("closed"):
            raise UploadBroken("the browser has gone before all of its request's body came")
        content = piece.get("content", b"")
        if not isinstance(content, bytes):
            raise UploadBroken("a part of the request's body is not bytes")
        if not piece.get("more_content"):
            self._channel = None
        return content

    async def _receive(self, channel: str) -> Received:
        while True:
            try:
                [received] = await self._layer.receive(self._layer.shard_of(channel), [channel], 1)
                return received
            except LayerUnavailable:
                await trio.sleep(RETRY)
