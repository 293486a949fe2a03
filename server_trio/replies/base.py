"""The answer of one operation, whatever its form: which calls may follow which, and how one is sent.

The states of a reply and what may happen in each (a wrong call is a bug and raises RuntimeError):

    NOTHING  -- start -->  STARTED  -- write -->  STARTED
    NOTHING  -- start(more=False) / STARTED -- write(more=False), end -->  FINISHED
    NOTHING, STARTED  -- the layer cannot say whether it has sent -->  LOST, where nothing may follow

The journal learns with the first message of an answer that it has begun, and with the last that it is done.
"""

from __future__ import annotations

import abc
import enum
import random
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import trio

from ..errors import ChannelFull, LayerUnavailable, OperationError, SendUnknown, TakenOver
from ..layers.base import Entry, Layer, Progress

#: Names and values as they go out, in order.
Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

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


class Reply(abc.ABC):
    """One answer on its way. Its form is a subclass's; this keeps the order of calls.

    `bodiless` says that the one who waits wants no content, whatever there is (HEAD).
    `id` and `operation` name what is answered, for forms that say so; `site_headers` are those that
    the site wants on an HTTP response, errors included.
    `status` is what was started with, None before. `bytes_sent` counts content. `entry` is where the
    journal has the operation, None once it is settled there.

    Sends wait while the channel is full or the layer is away, until the caller's cancel scope ends.
    They raise SendUnknown, TakenOver, and MessageRefused for content that no layer takes.
    """

    __slots__ = (
        "_begun", "_layer", "_site_headers", "bodiless", "bytes_sent", "channel", "entry", "held_up_by", "id",
        "is_full", "on_complete", "operation", "state", "status",
    )  # fmt: skip

    def __init__(
        self,
        layer: Layer,
        channel: str,
        *,
        bodiless: bool = False,
        id: str | None = None,
        operation: str | None = None,
        site_headers: Headers = (),
        entry: Entry | None = None,
    ) -> None:
        self._layer = layer
        self._begun = False  # a message has been sent
        self.entry = entry
        self._site_headers = site_headers
        self.channel = channel
        self.bodiless = bodiless
        self.id = id
        self.operation = operation
        self.state = ReplyState.NOTHING
        self.status: int | None = None
        self.bytes_sent = 0
        #: What keeps the message that is being sent from the channel; empty if nothing does.
        self.held_up_by = ""
        self.is_full = False  # and that is that there is no room on it
        #: Called once, when the work is done, though the answer may not have been sent yet; see `completed`.
        self.on_complete: Callable[[], None] | None = None

    async def start(
        self,
        status: int,
        headers: Headers,
        content: bytes | str = b"",
        *,
        more: bool = False,
        items: bool = False,
    ) -> None:
        """Begin the answer, with its first (or only) content. `more` says that content follows.

        Text is sent as UTF-8 where the form knows only bytes. `items` says that each piece of content
        means something by itself, as what a generator yields does: a WebSocket gets a frame, a channel
        of the project's own a message for each; an HTTP response makes no difference.

        Raises AnswerTooLarge, as `write` does, where the form cannot hold the content.
        """
        if self.state is not ReplyState.NOTHING:
            raise RuntimeError(f"the reply to {self.channel} was {self.state.value} and cannot start again")
        if self.bodiless or status in BODILESS_STATUSES:
            content, more, self.bodiless = b"", False, True
        await self._start(status, headers, content, more, items)

    async def write(self, content: bytes | str, *, more: bool) -> None:
        """Send a piece of the content; `more=False` ends the answer. Nothing goes out for a bodiless one."""
        if self.state is ReplyState.FINISHED and self.bodiless:
            return
        if self.state is not ReplyState.STARTED:
            raise RuntimeError(f"the reply to {self.channel} was {self.state.value} and cannot take content")
        await self._write(content, more)

    async def end(self) -> None:
        """End an answer that has started, whatever is missing; else nothing happens."""
        if self.state is ReplyState.STARTED:
            await self._end()

    async def fail(self, error: OperationError) -> None:
        """Say that the operation failed; where the answer has begun, end it.

        A form with a way to tell a broken answer from a complete one does so.
        """
        if self.state in (ReplyState.NOTHING, ReplyState.STARTED):
            await self._fail(error)

    def completed(self) -> None:
        """The work is done: what begins next need not wait until the layer has the answer.

        Called when the handler returns, and by one that knows sooner that it has nothing left to clean up.
        """
        if self.on_complete is not None:
            told, self.on_complete = self.on_complete, None
            told()

    def resume(self) -> None:
        """Go on with an answer that a server has begun which is no more; all that can follow is `fail`."""
        self._begun = True
        self.state = ReplyState.STARTED

    async def settle(self) -> None:
        """Have the journal forget the operation, if no last message has seen to that."""
        if self.entry is not None:
            await self._layer.release(self.entry)
            self.entry = None

    @abc.abstractmethod
    async def _start(
        self, status: int, headers: Headers, content: bytes | str, more: bool, items: bool
    ) -> None:
        """`start` in the form's own way; sets `status` and leaves `state` right."""

    @abc.abstractmethod
    async def _write(self, content: bytes | str, more: bool) -> None:
        """`write` in the form's own way; leaves `state` right."""

    @abc.abstractmethod
    async def _fail(self, error: OperationError) -> None:
        """`fail` in the form's own way, where nothing or a part has been sent; leaves `state` right."""

    async def _end(self) -> None:
        await self._write(b"", False)

    async def _send(self, message: dict[str, Any], *, last: bool) -> None:
        """Put one message on the channel, waiting while it is full or the layer is away."""
        progress = Progress.DONE if last else Progress.ON if self._begun else Progress.BEGUN
        delay = FIRST_RETRY
        while True:
            try:
                await self._layer.send(self.channel, message, entry=self.entry, progress=progress)
                self.held_up_by, self.is_full = "", False
                break
            except SendUnknown:
                # A second start, or a chunk twice, would be worse than what is missing.
                self.state = ReplyState.LOST
                raise
            except TakenOver:
                self.state, self.entry = ReplyState.LOST, None
                raise
            except (ChannelFull, LayerUnavailable) as error:
                self.is_full = isinstance(error, ChannelFull)
                hint = "; does a consumer read it?" if self.is_full else ""
                self.held_up_by = f"{error}{hint}"
                # Jitter, so that those who wait for the same daphne do not return together.
                await trio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
                delay = min(delay * 2, LONGEST_RETRY)
        self._begun = True
        if last:
            self.entry = None


def as_bytes(content: bytes | str) -> bytes:
    """Content for a form that knows only bytes."""
    return content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
