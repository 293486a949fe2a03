"""What an upstream answered: the head at once, the body as it comes."""

from __future__ import annotations

from typing import Final

import trio

from .. import errors
from ..limits import RECEIVE_SIZE, KiB
from .connection import Connection
from .parser import Headers
from .pool import Pool
from .url import ParsedURL

#: What is read of an unwanted body (of a redirect) to keep its connection. More bytes, or slower
#: ones, cost more than opening another.
_DISCARD_BYTES: Final = 16 * KiB
_DISCARD_TIMEOUT: Final = 0.1  # seconds


class Response:
    """The final response to one request, valid inside `async with session.stream(...)`.

    Iterating gives the body in pieces as they came: transfer-decoded, never content-decoded, none
    empty. It can be done once. `complete` says that the body has ended and all of it was given
    out; a body that arrived together with its head is one piece, and `complete` right after it.

    Iterating raises errors.UpstreamTruncated (the body ended early), UpstreamTooLarge and
    UpstreamError (its framing is not HTTP); `trio.ClosedResourceError` once the block is left.
    """

    __slots__ = (
        "_connection", "_first", "_pool", "_url", "complete", "headers", "reason", "redirects", "status",
    )  # fmt: skip

    def __init__(self, connection: Connection, pool: Pool, url: ParsedURL, redirects: int) -> None:
        parser = connection.parser
        self.status: int = parser.status  # 200 to 999
        self.reason: bytes = parser.reason
        #: As sent, in order, duplicates kept, names in the upstream's own case; no trailers.
        self.headers: Headers = parser.headers
        self.redirects = redirects  # followed before this response
        self._connection: Connection | None = connection
        self._pool = pool
        self._url = url
        self._first = parser.take_body()  # came with the head
        self.complete = parser.complete and not self._first

    @property
    def url(self) -> str:
        """Of the request that this answers, the last one; without userinfo and fragment."""
        return self._url.text

    def __aiter__(self) -> Response:
        return self

    async def __anext__(self) -> bytes:
        piece = await self.receive(RECEIVE_SIZE)
        if not piece:
            raise StopAsyncIteration
        return piece

    async def receive(self, most: int) -> bytes:
        """The next piece, as in iterating, b"" after the last. `most`: bytes, unless it is here already."""
        connection = self._connection
        if self._first:
            piece, self._first = self._first, b""
            if self.is_received:
                await self.release()
            self.complete = self._connection is None
            return piece
        if connection is None:
            if self.complete:
                return b""
            raise trio.ClosedResourceError("the response was left before its body ended")
        piece = await connection.receive_body(most)
        if connection.parser.complete:
            self.complete = True
            await self.release()
        return piece

    def take_whole(self) -> bytes | None:
        """The body, where all that is to come of it is here; else None, and it has to be iterated.

        Most answers are small and come together with their head: this is all the reading there is then.
        """
        whole = self._first
        if self._connection is not None or not (whole or self.complete):
            return None
        self._first, self.complete = b"", True
        return whole

    async def wait_for_body(self) -> None:
        """Return once the next piece of the body is here, or its end. Cancelled, it has lost nothing.

        Raises what iterating raises.
        """
        connection = self._connection
        if not self._first and connection is not None and not connection.parser.complete:
            self._first = await connection.receive_body(RECEIVE_SIZE)

    @property
    def is_received(self) -> bool:
        """Whether it has arrived whole, and holds a connection that others could use before it is read."""
        return self._connection is not None and self._connection.parser.complete

    async def release(self) -> None:
        """Let go of the connection: kept for others if the body was read to its end, else closed."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if not connection.parser.complete:
            self._first = b""  # of a body that was left: a part must not pass for the whole
        try:
            if connection.is_uploading and connection.parser.complete:
                await connection.finish_upload()
        finally:
            surplus = self._pool.give_back(connection)
            if surplus is not None:
                await surplus.aclose()

    async def discard(self) -> None:
        """Throw the body away: read it if it is small and there, else close the connection."""
        received = 0
        with trio.move_on_after(_DISCARD_TIMEOUT):
            try:
                async for piece in self:
                    received += len(piece)
                    if received > _DISCARD_BYTES:
                        break
            except errors.OperationError:
                pass  # of a body that nobody wants; the connection is closed below
        await self.release()
