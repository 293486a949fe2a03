"""No answer at all: for an operation that somebody has sent off without waiting for it."""

from __future__ import annotations

from ..errors import OperationError
from .base import Headers, Reply, ReplyState


class NoReply(Reply):
    """Takes an answer and sends nothing. What happened is counted and logged like any other outcome.

    It is not `bodiless`: the operation is done to its end, its content read and dropped, because an
    upstream or a command whose output nobody reads may stop half-way.
    """

    __slots__ = ()

    async def _start(
        self, status: int, headers: Headers, content: bytes | str, more: bool, items: bool
    ) -> None:
        self.status = status
        await self._write(content, more)

    async def _write(self, content: bytes | str, more: bool) -> None:
        self.state = ReplyState.STARTED if more else ReplyState.FINISHED

    async def _fail(self, error: OperationError) -> None:
        self.status = self.status or error.status
        self.state = ReplyState.FINISHED
