"""The answer of one operation: put on its reply channel exactly once, in the form daphne 1.4.2 takes.

The states of a reply and what may happen in each (a wrong call is a bug and raises RuntimeError):

    NOTHING  -- start -->  STARTED  -- write -->  STARTED
    NOTHING  -- start(more=False) / STARTED -- write(more=False) -->  FINISHED
    NOTHING, STARTED  -- the layer cannot say whether it has sent -->  LOST, where nothing may follow

What daphne really takes (daphne/http_protocol.py:238-279): a first message with `status`, then
messages without; a second start, or a chunk before the start, leaves the browser waiting. For an
answer without a body (HEAD, 204, 304) exactly one message with no content, because a later chunk
would be written to the socket raw (:261). No 1xx, because it would be taken as the final status.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Sequence
from typing import Any, Final

import trio

from .errors import ChannelFull, LayerUnavailable, SendUnknown
from .layers.base import Layer
from .limits import MAX_REPLY_CHUNK

Headers = Sequence[tuple[bytes, bytes]]

#: Seconds before the first retry of a send that found the channel full or the layer away. The
#: capacity of a reply channel is shared by all clients of one daphne, which empties it in
#: milliseconds when it is alive.
FIRST_RETRY: Final = 0.005

#: Seconds between retries at the most.
LONGEST_RETRY: Final = 0.25

#: Statuses whose responses never have a body (RFC 9110 sections 15.3.5, 15.4.5).
BODILESS_STATUSES: Final = frozenset({204, 304})


class ReplyState(enum.Enum):
    """How far a reply has come."""

    NOTHING = "nothing sent"
    STARTED = "started"
    FINISHED = "finished"
    LOST = "lost on the way"


class Reply:
    """One HTTP response on its way to one reply channel.

    `bodiless` says that the waiting client asked with HEAD: whatever the content, none is sent.
    Sends wait while the channel is full or the layer is away, until the caller's cancel scope ends.
    They raise SendUnknown, and MessageRefused for content that no layer takes.
    """

    __slots__ = ("_layer", "bodiless", "bytes_sent", "channel", "state", "status")

    def __init__(self, layer: Layer, channel: str, *, bodiless: bool = False) -> None:
        self._layer = layer
        self.channel = channel
        self.bodiless = bodiless
        self.state = ReplyState.NOTHING
        self.status: int | None = None
        self.bytes_sent = 0  # of content

    async def start(self, status: int, headers: Headers, content: bytes = b"", *, more: bool = False) -> None:
        """Send status and headers, with the first (or only) content. `more` says that content follows."""
        if self.state is not ReplyState.NOTHING:
            raise RuntimeError(f"the reply to {self.channel} was {self.state.value} and cannot start again")
        if self.bodiless or status in BODILESS_STATUSES:
            content, more, self.bodiless = b"", False, True
        first, rest = content[:MAX_REPLY_CHUNK], content[MAX_REPLY_CHUNK:]
        message = {
            "status": status,
            "headers": [[name, value] for name, value in headers],
            "content": first,
            "more_content": more or bool(rest),
        }
        await self._send(message)
        self.status = status
        if rest:
            await self.write(rest, more=more)

    async def write(self, content: bytes, *, more: bool) -> None:
        """Send a piece of the body; `more=False` ends the response. Nothing goes out for a bodiless one."""
        if self.state is ReplyState.FINISHED and self.bodiless:
            return
        if self.state is not ReplyState.STARTED:
            raise RuntimeError(f"the reply to {self.channel} was {self.state.value} and cannot take content")
        if len(content) <= MAX_REPLY_CHUNK:
            await self._send({"content": content, "more_content": more})
            return
        for begin in range(0, len(content), MAX_REPLY_CHUNK):
            end = begin + MAX_REPLY_CHUNK
            await self._send({"content": content[begin:end], "more_content": more or end < len(content)})

    async def end(self) -> None:
        """End a response that has started, whatever is missing.

        A response that is never ended stops daphne's timeout checker (daphne/server.py:200-206), so
        even one that was cut short is ended. Where the upstream's Content-Length was passed on, the
        browser sees that bytes are missing.
        """
        if self.state is ReplyState.STARTED:
            await self.write(b"", more=False)

    async def _send(self, message: dict[str, Any]) -> None:
        """Put one message on the channel, waiting while it is full or the layer is away."""
        delay = FIRST_RETRY
        while True:
            try:
                await self._layer.send(self.channel, message)
                break
            except SendUnknown:
                # A second start, or a chunk twice, would be worse than what is missing.
                self.state = ReplyState.LOST
                raise
            except (ChannelFull, LayerUnavailable):
                # Jitter, so that those who wait for the same daphne do not return together.
                await trio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
                delay = min(delay * 2, LONGEST_RETRY)
        self.bytes_sent += len(message["content"])
        self.state = ReplyState.STARTED if message["more_content"] else ReplyState.FINISHED
