"""Trying again: how many times one request may be sent, and the pauses between."""

from __future__ import annotations

import random
import time
from typing import Final

import trio

from channels_async import retry_rules

from .. import errors
from .connection import Unanswered
from .request import Request
from .response import Response
from .upload import Upload

#: Failures that another attempt may not meet.
_PASSING: Final = (
    Unanswered, errors.UpstreamTruncated, errors.UpstreamUnreachable, errors.UpstreamTimeout,
)  # fmt: skip


def is_repeatable(request: Request, idempotent: bool = False) -> bool:
    """Whether doing it twice is as good as once. What is streamed up can be sent only once."""
    return retry_rules.may_repeat(request.method, idempotent) and not isinstance(request.body, Upload)


class Retries:
    """The repetitions that one call of `Session.stream` may make, over all of its redirects.

    A request is repeated when no connection came about, when the connection ended before a whole head,
    and when the answer is one of retry_rules.RETRIED_STATUSES; always within the deadline of the caller,
    and never once the caller has got a response.
    """

    def __init__(self, retries: int, idempotent: bool) -> None:
        self._retries = retries
        self._idempotent = idempotent
        self._made = 0

    async def after_failure(self, request: Request, failure: errors.OperationError) -> bool:
        """Wait and return True if the request is to be sent again."""
        return isinstance(failure, _PASSING) and await self._pause(request, None)

    async def after(self, request: Request, response: Response) -> bool:
        """Wait and return True if the request is to be sent again instead of passing the response on."""
        if response.status not in retry_rules.RETRIED_STATUSES or not self._allowed(request):
            return False
        asked = retry_rules.retry_after(response.headers, time.time())
        if self._seconds(asked) is None:
            return False  # the response is all there is time for
        await response.discard()
        return await self._pause(request, asked)

    def _allowed(self, request: Request) -> bool:
        return self._made < self._retries and is_repeatable(request, self._idempotent)

    def _seconds(self, asked: float | None) -> float | None:
        left = trio.current_effective_deadline() - trio.current_time()
        return retry_rules.pause(self._made, random.random(), left, asked)  # noqa: S311 - no secret

    async def _pause(self, request: Request, asked: float | None) -> bool:
        seconds = self._seconds(asked) if self._allowed(request) else None
        if seconds is None:
            return False
        await trio.sleep(seconds)
        self._made += 1
        return True
