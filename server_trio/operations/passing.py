"""Passing an upstream's response on to the one who waits, as it comes."""

from __future__ import annotations

from typing import Final

import trio

from ..http.session import Response
from ..limits import MAX_REPLY_CHUNK, RECEIVE_SIZE, KiB
from ..replies import Headers, Reply, ReplyState

#: Content that may begin minutes after its head, while the browser wants to know that it is open. Of all
#: other content the head waits for the first piece: an upstream that then sends nothing is a 504 and no
#: broken 200, and head and content that come together are one message.
EVENT_STREAMS: Final = (b"text/event-stream", b"multipart/x-mixed-replace", b"application/x-ndjson")

#: Bytes of a chunk that are not worth receiving any more while it waits for its turn.
LEAST_ROOM: Final = 64 * KiB

#: Seconds that the first piece of such a stream may let wait for itself; then the head goes out without it.
PATIENCE: Final = 0.05


async def pass_on(response: Response, headers: Headers, reply: Reply) -> None:
    """Answer with the status and the body of a response, and these headers."""
    whole = response.take_whole()
    if whole is not None:
        await reply.start(response.status, headers, whole)
        return
    if not reply.bodiless:
        if _is_event_stream(headers):
            with trio.move_on_after(PATIENCE) as waiting:
                await response.wait_for_body()
            if waiting.cancelled_caught:
                await reply.start(response.status, headers, b"", more=True)
        piece = await response.receive(RECEIVE_SIZE)
        if piece and response.complete:
            await _pass_piece(reply, response, headers, piece, more=False)
        elif piece:
            await _Passage(response, headers, reply).run(piece)
    if reply.state is ReplyState.NOTHING:
        await reply.start(response.status, headers)
    await reply.end()


async def _pass_piece(
    reply: Reply, response: Response, headers: Headers, content: bytes, *, more: bool
) -> None:
    if reply.state is ReplyState.NOTHING:
        await reply.start(response.status, headers, content, more=more)
    else:
        await reply.write(content, more=more)


class _Passage:
    """A body of several pieces on its way: while one is being sent, the next are received.

    What has come by the time that the one before is sent goes on together, up to MAX_REPLY_CHUNK, and no more
    than that is received ahead. The first goes at once, and so does each that finds nothing being sent.

    The task that sends is there only while it has something to send: an event stream that waits for its
    next event has no more tasks than other operations.
    """

    def __init__(self, response: Response, headers: Headers, reply: Reply) -> None:
        self._response = response
        self._headers = headers
        self._reply = reply
        self._ahead: list[bytes] = []  # received, and not being sent yet
        self._size = 0  # of these together
        self._room = trio.Event()
        self._is_sending = False
        self._is_complete = False  # the last piece of the body is among those, or was
        self._failure: Exception | None = None  # of sending

    async def run(self, first: bytes) -> None:
        """Pass everything on, beginning with the piece that has come.

        Raises what sending raises at once; what receiving raises once all that came before is sent.
        """
        broken: Exception | None = None
        try:
            async with trio.open_nursery() as nursery:
                self._put(nursery, first)
                try:
                    while piece := await self._response.receive(MAX_REPLY_CHUNK - self._size):
                        self._put(nursery, piece)
                        while self._size > MAX_REPLY_CHUNK - LEAST_ROOM:
                            await self._room.wait()
                    self._is_complete = True
                except Exception as error:  # not to come out in a group
                    broken = error
        finally:  # also when both are cancelled: whether a message was sent may be unknown
            failure, self._failure = self._failure, None
            try:
                if failure is not None:
                    raise failure
            finally:
                del failure  # whose traceback has this frame; see garbage.py
        if broken is not None:
            raise broken

    def _put(self, nursery: trio.Nursery, piece: bytes) -> None:
        self._ahead.append(piece)
        self._size += len(piece)
        self._is_complete = self._response.complete
        if not self._is_sending:
            self._is_sending = True
            nursery.start_soon(self._send, nursery.cancel_scope)

    def _take(self) -> bytes:
        ahead, self._ahead, self._size = self._ahead, [], 0
        self._room.set()
        self._room = trio.Event()
        return ahead[0] if len(ahead) == 1 else b"".join(ahead)

    async def _send(self, receiving: trio.CancelScope) -> None:
        try:
            while self._ahead:
                content, more = self._take(), not self._is_complete
                await _pass_piece(self._reply, self._response, self._headers, content, more=more)
        except Exception as error:
            self._failure = error
            receiving.cancel()
        self._is_sending = False


def _is_event_stream(headers: Headers) -> bool:
    return any(
        name == b"content-type" and value.partition(b";")[0].strip().lower() in EVENT_STREAMS
        for name, value in headers
    )
