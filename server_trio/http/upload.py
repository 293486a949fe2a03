"""A request body that comes in pieces while it is sent: with its length, or chunked where nobody knows it."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable

from ..errors import UploadBroken


class Upload:
    """A body that goes out once, as its pieces come; it is never held whole and cannot be sent again.

    `content_length`: its bytes, or None; then it goes in chunks (RFC 9112 section 7.1), which only an
    upstream of HTTP/1.1 understands.
    """

    __slots__ = ("_content_length", "_pieces")

    def __init__(self, pieces: AsyncIterable[bytes], content_length: int | None) -> None:
        self._pieces = pieces
        self._content_length = content_length

    @property
    def field_line(self) -> bytes:
        """The header field that says where the body ends."""
        if self._content_length is None:
            return b"Transfer-Encoding: chunked"
        return b"Content-Length: %d" % self._content_length

    async def send(self, send: Callable[[bytes], Awaitable[bool]]) -> None:
        """Give the framed pieces to `send` until the body ends or `send` says that nobody listens any more.

        Raises UploadBroken for a body that has another length than was said, before a byte too many
        goes out; and what the pieces raise. What went out so far is then no whole request.
        """
        length, sent = self._content_length, 0
        if length != 0:  # waiting for nothing would hold up an answer
            async for piece in self._pieces:
                sent += len(piece)
                if length is not None and sent > length:
                    raise UploadBroken(f"the request's body is longer than the {length} bytes it was to have")
                framed = piece if length is not None else b"%x\r\n%b\r\n" % (len(piece), piece)
                if piece and not await send(framed):
                    return
                if sent == length:
                    return
        if length is None:
            await send(b"0\r\n\r\n")
        elif sent < length:
            raise UploadBroken(f"the request's body ended after {sent} of {length} bytes")
