"""Passing an upstream's response on to the one who waits, as it comes."""

from __future__ import annotations

from typing import Final

import trio

from ..http.session import Response
from ..replies import Headers, Reply, ReplyState

#: Content that may begin minutes after its head, while the browser wants to know that it is open. Of all
#: other content the head waits for the first piece: an upstream that then sends nothing is a 504 and no
#: broken 200, and head and content that come together are one message.
EVENT_STREAMS: Final = (b"text/event-stream", b"multipart/x-mixed-replace", b"application/x-ndjson")

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
        async for chunk in response:
            more = not response.complete
            if reply.state is ReplyState.NOTHING:
                await reply.start(response.status, headers, chunk, more=more)
            else:
                await reply.write(chunk, more=more)
    if reply.state is ReplyState.NOTHING:
        await reply.start(response.status, headers)
    await reply.end()


def _is_event_stream(headers: Headers) -> bool:
    return any(
        name == b"content-type" and value.partition(b";")[0].strip().lower() in EVENT_STREAMS
        for name, value in headers
    )
