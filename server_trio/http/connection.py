"""One connection to an upstream: a stream and the parser of what comes out of it.

It carries one exchange at a time. Whoever holds it ends the exchange by reading the body to its
end, or closes it; there is no third way, so a pooled connection never holds old bytes.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Awaitable
from typing import Final, NoReturn

import trio

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup  # type: ignore[import-not-found]

from .. import errors
from ..limits import MAX_REPLY_CHUNK, HttpLimits, KiB
from .connect import holds_unread
from .parser import ResponseParser
from .proxy import ForwardedStream, refused
from .sockets import SocketStream
from .tls import tls_alert
from .upload import Upload
from .url import Origin

#: Bytes of a whole body sent before looking for an answer. An upstream that answers early without reading
#: on can stall only what is larger than its receive buffer, and none is smaller than this.
SENT_AT_ONCE: Final = 32 * KiB

#: Bytes asked for until an answer turns out to be larger. From 128 KiB on malloc maps pages for
#: the buffer and unmaps them again, which costs six times what receiving a small answer does.
_FIRST_RECEIVE_SIZE: Final = 64 * KiB


#: Seconds that an upload may go on after its answer was complete.
_LAST_SENDING: Final = 0.1


class Unanswered(errors.UpstreamError):
    """The connection ended before the first byte of an answer; the request may not have been seen."""


class Connection:
    """A connection to `origin`, owned by one task at a time."""

    __slots__ = (
        "_broken",
        "_failure",
        "_forwarded",
        "_receive_size",
        "_sent",
        "_stream",
        "_tainted",
        "exchanges",
        "idle_until",
        "origin",
        "parser",
    )

    def __init__(self, origin: Origin, stream: trio.abc.Stream, limits: HttpLimits) -> None:
        self.origin = origin
        self.parser = ResponseParser(origin.netloc, limits)
        self.exchanges = 0  # begun on this connection
        self.idle_until = 0.0  # trio time; the pool's
        self._stream: trio.abc.Stream | None = stream
        self._forwarded = stream if isinstance(stream, ForwardedStream) else None  # by a proxy
        self._receive_size = _FIRST_RECEIVE_SIZE  # bytes
        self._broken: errors.UpstreamError | None = None  # raised once the body that came before it is out
        self._sent: trio.Event | None = None  # of an upload that goes on while the answer is read
        self._failure: Exception | None = None  # of that upload
        self._tainted = False  # a request was not sent whole, or asked for the connection's end

    @property
    def reusable(self) -> bool:
        """Whether another exchange may begin: all was sent, all was read, nothing surplus came."""
        parser = self.parser
        return (
            self._stream is not None
            and parser.complete
            and parser.reusable
            and not self._tainted
            and (self._sent is None or self._sent.is_set())
        )

    async def holds_unread(self) -> bool:
        """Whether the idle connection has anything to read, its end included, and so is of no use."""
        stream = self._stream
        if type(stream) is SocketStream:
            return stream.is_readable()
        return stream is None or await holds_unread(stream)

    def send(
        self,
        method: str,
        head: bytes,
        body: bytes | Upload | None,
        *,
        last: bool = False,
        sender: trio.Nursery | None = None,
    ) -> Awaitable[object]:
        """Begin an exchange: send a request, whose answer `read_head` then waits for. To be awaited.

        `last` says that the request asks for the connection to be closed. An upload whose answer begins
        before it has ended goes on in `sender`, and the answer can be read meanwhile; without one the
        answer waits. Raises errors.Upstream*, `Unanswered` among them, and what an Upload raises. After
        any exception of this and of `read_head`, and after cancellation, the connection must be closed.
        """
        self.exchanges += 1
        self._receive_size = _FIRST_RECEIVE_SIZE
        self._tainted = last
        self._sent = self._failure = self._broken = None
        self.parser.begin(method == "HEAD")
        if self._forwarded is not None:
            head = self._forwarded.in_absolute_form(head)
        if not body:
            return self._send(head)
        if isinstance(body, bytes) and len(body) <= SENT_AT_ONCE:
            return self._send(head + body)
        return self._upload(head, body, sender)

    async def read_head(self) -> None:
        """Receive until the head of the final response is in `parser`.

        Here is where an exchange waits, thousands at once; so what waits is as little as can be.
        """
        parser = self.parser
        while not parser.head_done:
            try:
                data = await self._open_stream().receive_some(self._receive_size)
            except (trio.ClosedResourceError, trio.BrokenResourceError) as exc:
                self._lose(exc)
            try:
                self._take(data)
            except errors.UpstreamError as exc:
                if not parser.head_done:
                    raise
                self._broken = exc  # what came of the body together with the head; see `receive_body`
        if self._forwarded is not None and parser.status == 407:  # only a proxy says that
            raise refused(self.origin, 407)

    async def receive_body(self, most: int) -> bytes:
        """The next piece of the response's body, transfer-decoded; b"" once it has ended.

        `most`: bytes to receive at once, at the most.
        """
        parser = self.parser
        while not (piece := parser.take_body()) and not parser.complete:
            if self._broken is not None:
                raise self._broken
            try:
                data = await self._open_stream().receive_some(min(self._receive_size, most))
            except (trio.ClosedResourceError, trio.BrokenResourceError) as exc:
                self._lose(exc)
            try:
                self._take(data)
            except errors.UpstreamError as exc:
                if not (piece := parser.take_body()):
                    raise
                self._broken = exc.with_traceback(None)  # which has this frame
                break
        return piece

    async def aclose(self) -> None:
        """Close at once, without waiting for anything (no TLS closure alert). Idempotent.

        Is not interrupted by cancellation, so that callers can go on to account for what they held.
        """
        stream, self._stream = self._stream, None
        if stream is not None:
            self.parser.close()
            # A deadline that has passed makes closing forceful, as in trio.aclose_forcefully.
            with trio.CancelScope(shield=True, deadline=-math.inf):
                await stream.aclose()

    def _lose(self, exc: trio.ClosedResourceError | trio.BrokenResourceError) -> NoReturn:
        """Receiving has failed: raise what that means."""
        if isinstance(exc, trio.ClosedResourceError):
            raise self._closed_here() from None
        if not self.parser.started:
            raise self._unanswered(tls_alert(exc)) from exc
        raise errors.UpstreamTruncated(f"{self.origin.netloc}: the connection broke") from exc

    def _take(self, data: bytes | bytearray) -> None:
        """Feed the parser with what came, which may be the end."""
        self._open_stream()  # closed meanwhile, between the arrival of data and this task's turn?
        if data:
            if len(data) == self._receive_size:
                self._receive_size = MAX_REPLY_CHUNK
            self.parser.feed(bytes(data))
        elif self.parser.started:
            self.parser.feed_eof()
        else:
            raise self._unanswered()

    async def _send(self, data: bytes) -> bool:
        """Send all. False: the upstream no longer listens, which is no error yet, it may have answered."""
        try:
            await self._open_stream().send_all(data)
        except trio.ClosedResourceError:
            raise self._closed_here() from None
        except trio.BrokenResourceError:
            self._tainted = True
            return False
        return True

    async def _upload(self, head: bytes, body: bytes | Upload, sender: trio.Nursery | None) -> None:
        """Send a body that takes its time while listening for an early answer (RFC 9112 9.5).

        An answer of 300 and above ends the sending: nobody will read the rest. A 2xx does not:
        the upstream may well consume the body while it answers.
        """
        if sender is not None:
            await self._upload_in(sender, head, body)
            return
        failure: Exception | None = None  # raised outside, lest the nursery wrap it
        try:
            async with trio.open_nursery() as nursery:
                try:
                    await self._upload_in(nursery, head, body)
                except Exception as exc:
                    failure = exc
        except BaseExceptionGroup as group:
            raise _cancelled(group) from None
        failure = failure or self._failure
        if failure is not None:
            raise failure

    async def _upload_in(self, nursery: trio.Nursery, head: bytes, body: bytes | Upload) -> None:
        """Send in a task of the nursery and return when the head of an answer is there."""
        sent = self._sent = trio.Event()
        sending, reading = trio.CancelScope(), trio.CancelScope()

        async def send() -> None:
            with sending:
                try:
                    if await self._send(head):
                        await (body.send(self._send) if isinstance(body, Upload) else self._send(body))
                except errors.ShuttingDown:
                    pass  # the reader meets that as well
                except Exception as exc:  # what the pieces raise: the upstream must not take it for the end
                    self._failure = exc
                    reading.cancel()
                    await self.aclose()  # ends the reading of an answer that has begun
            sent.set()

        nursery.start_soon(send)
        done = False
        try:
            with reading:
                await self.read_head()
            if self._failure is not None:
                raise self._failure
            done = self.parser.status < 300
        finally:
            if not done and not sent.is_set():
                self._tainted = True
                sending.cancel()

    @property
    def is_uploading(self) -> bool:
        """Whether an upload goes on while its answer is read."""
        return self._sent is not None and not self._sent.is_set()

    async def finish_upload(self) -> None:
        """Give what is still being sent a moment, now that the answer is complete.

        Most have been sent, and their task has just not been told. What takes longer the upstream does
        not wait for; as with other proxies, the connection then closes.
        """
        if self._sent is not None and not self._sent.is_set():
            with trio.move_on_after(_LAST_SENDING):
                await self._sent.wait()

    def _open_stream(self) -> trio.abc.Stream:
        if self._stream is None:
            raise self._closed_here()
        return self._stream

    def _unanswered(self, alert: str | None = None) -> Unanswered:
        """In TLS 1.3 the refusal of the certificate that was shown, or was not, comes only now."""
        why = f"TLS failed: {alert}" if alert else "the connection was closed without an answer"
        return Unanswered(f"{self.origin.netloc}: {why}")

    def _closed_here(self) -> Exception:
        return self._failure or errors.ShuttingDown("the HTTP client was closed during the exchange")


def _cancelled(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of a group of nothing but cancellations one: who counts what became of an exchange looks for that."""
    cancelled, other = group.split(trio.Cancelled)
    found: BaseException | None = cancelled
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return group if other is not None or found is None else found
