"""One operation under supervision: its deadline, its cancellation, its one answer."""

from __future__ import annotations

import logging
import time
from typing import Final

import trio

from channels_async.wire import Operation

from .errors import (
    BudgetSpent,
    ClientGone,
    DeadlineExceeded,
    LayerError,
    OperationError,
    SendUnknown,
    ShuttingDown,
    TakenOver,
    UnknownOperation,
)
from .failures import forget_frames
from .operations import Context, Handler
from .replies import Reply, ReplyState
from .settings import Settings
from .stats import QUIET
from .tracing import Traced
from .turns import Turns

logger = logging.getLogger(__name__)

#: One line an operation; silent unless asked for (-v), but for failures.
operation_logger = logging.getLogger("server_trio.operation")

#: Seconds an answer may take once the server has been told to end now.
HURRIED_REPLY_TIMEOUT: Final = 1.0

#: Seconds that an answer may wait for room on a channel that nobody seems to read, where nothing was done.
UNREAD_REPLY_TIMEOUT: Final = 0.1

#: What was late, by operation; an upstream where nothing is said.
LATE: Final = {"CALL": "the function", "COMMAND": "the command"}


class Running:
    """An operation that has been claimed and not yet answered.

    `run` answers it, whatever happens, and never raises an Exception. `interrupt` makes it answer
    now with the given error. `handler` is None for an operation that this server does not have;
    `turns` where it has no limit of its own. `verdict` is why it is not to be done, if so.
    """

    # There are as many as operations in flight.
    __slots__ = (
        "_begun", "_budget", "_context", "_handler", "_has_begun", "_interrupted_by", "_is_taken_over",
        "_is_unread", "_reply_timeout", "_scope", "_settings", "_turns", "_verdict", "operation", "outcome",
        "reason", "reply", "waited",
    )  # fmt: skip

    def __init__(
        self,
        operation: Operation,
        handler: Handler | None,
        reply: Reply,
        context: Context,
        settings: Settings,
        turns: Turns | None = None,
        verdict: OperationError | None = None,
    ) -> None:
        self.operation = operation
        self.reply = reply
        self.outcome = "ok"
        self.reason = ""  # why it is not "ok", for the log; nothing secret
        self.waited: float | None = None  # seconds from the view to its begin, where that is known
        self._handler = handler
        self._context = context
        self._settings = settings
        self._turns = turns if turns is not None else Turns({}, 0)
        self._verdict = verdict
        self._is_taken_over = False
        self._has_begun = False  # its turn has come
        self._interrupted_by: OperationError | None = None
        self._reply_timeout = settings.REPLY_TIMEOUT
        self._is_unread = False
        self._begun = trio.current_time()
        # Seconds from then. What is not to be done has waited for nothing.
        self._budget = self._left() if verdict is None else 0.0
        # Not before now, whatever a clock says that differs: its answer takes its time from here on.
        self._scope = trio.CancelScope(deadline=self._begun + max(self._budget, 0.0))

    @property
    def seconds(self) -> float:
        """Since it was claimed."""
        return trio.current_time() - self._begun

    @property
    def begun_at(self) -> float:
        """When it was claimed, epoch seconds."""
        return time.time() - (trio.current_time() - self._begun)

    @property
    def deadline_at(self) -> float:
        """When it must have been answered, epoch seconds."""
        return time.time() + self._scope.deadline - trio.current_time()

    @property
    def has_listener(self) -> bool:
        """Whether the answer goes to somebody who can leave: a browser, by HTTP or WebSocket."""
        return self.operation.reply_format in ("http", "websocket")

    def interrupt(self, error: OperationError, *, hurry: bool = False) -> None:
        """Cancel the work and answer with `error`; `hurry` bounds the answer by 1 s."""
        self._interrupted_by = error
        if hurry:
            self._reply_timeout = min(self._reply_timeout, HURRIED_REPLY_TIMEOUT)
        self._scope.cancel()

    def expect_nobody(self) -> None:
        """Its channel is full and stays so: if it is not done, it does not keep its place to say that."""
        self._is_unread = True

    async def run(self) -> None:
        """Do the operation within its budget, and see that it is answered."""
        with Traced(self.operation) as trace:
            error = await self._work()
            if error is not None:
                forget_frames(error)
            if error is not None or self.reply.state is not ReplyState.FINISHED:
                await self._say(error)
            if not self._has_begun:
                self._note_wait()
            if self.reply.entry is not None:
                await self._settle()
            self._log()
            trace.end(self.outcome, self.reason)

    async def _say(self, error: OperationError | None) -> None:
        """Note what went wrong, and tell the one who waits."""
        if error is not None:
            self.outcome = error.outcome
            self.reason = str(error).partition("\n")[0]  # without a traceback
            if self._is_unread and not self._has_begun:
                self._reply_timeout = min(self._reply_timeout, UNREAD_REPLY_TIMEOUT)
        if not isinstance(error, ClientGone):
            if error is not None:
                await self._answer(error)
            if self.reply.state is not ReplyState.FINISHED:
                self.outcome = "taken_over" if self._is_taken_over else "reply_lost"
        if self.outcome == "reply_lost" and self.reply.held_up_by:
            self.reason = f"{self.reason}: {self.reply.held_up_by}".removeprefix(": ")

    async def _work(self) -> OperationError | None:
        """Run the handler; return the error that the client must be told of."""
        if self._verdict is not None:
            return self._verdict
        if self._budget <= 0:
            # How long ago tells clocks that differ (minutes, hours) from a queue that is long.
            late = -self._budget
            return BudgetSpent(f"the operation's time was over {late:.1f} s before it could be begun")
        handler = self._handler
        if handler is None:
            return UnknownOperation(f"this server has no operation {self.operation.name}")
        try:
            with self._scope:
                turn = self._turns.turn(self.operation.name)
                if turn is not None:
                    await turn.take()
                    self.reply.on_complete = turn.give_back
                try:
                    self._has_begun = True
                    self._note_wait()
                    await handler(self.operation, self.reply, self._context)
                finally:
                    self.reply.completed()
        except OperationError as error:
            return error
        except TakenOver as error:
            self._is_taken_over = True
            return OperationError(str(error))
        except SendUnknown as error:
            return OperationError(str(error))
        except Exception:
            logger.exception("operation %s (%s) failed", self.operation.id, self.operation.name)
            return OperationError("the operation failed")
        if self.reply.state is ReplyState.FINISHED:
            return None
        if self._scope.cancelled_caught:
            return self._interrupted_by or self._late()
        return OperationError("the operation ended without an answer")

    def _late(self) -> OperationError:
        if self.reply.held_up_by:
            return DeadlineExceeded("the answer could not be sent before the operation's deadline")
        if self._has_begun:
            late = LATE.get(self.operation.name, "the upstream")
            return DeadlineExceeded(f"{late} took longer than the operation's deadline")
        return BudgetSpent("the operation's time was over before its turn came; it was not begun")

    def _left(self) -> float:
        """Seconds that are left; what was spent in the queue counts."""
        operation = self.operation
        limit = self._settings.DEADLINES.of(operation.name)
        if operation.timeout is not None:
            limit = min(limit, operation.timeout)
        if operation.sent_at is None:
            return limit
        self.waited = max(0.0, time.time() - operation.sent_at)
        return limit - self.waited

    def _note_wait(self) -> None:
        """The waiting is over: what it did in the queue is known, where it is, and here it ends."""
        if self.waited is not None:
            self.waited += self.seconds

    async def _answer(self, error: OperationError) -> None:
        """The last word: shielded, because a cancelled operation must be answered too, and bounded.

        Anything but an OperationError that comes out of here would end the server, so what the layer
        raises besides its own errors is logged.
        """
        with trio.move_on_after(self._reply_timeout, shield=True):
            try:
                await self.reply.fail(error)
            except TakenOver:
                self._is_taken_over = True  # then the other server answers
            except LayerError as failure:
                logger.warning("operation %s: its answer could not be sent: %s", self.operation.id, failure)
            except Exception:
                logger.exception("operation %s: its answer could not be sent", self.operation.id)

    async def _settle(self) -> None:
        """What has got no last message needs none any more: the journal may forget it."""
        with trio.move_on_after(self._reply_timeout, shield=True):
            try:
                await self.reply.settle()
            except LayerError as failure:
                logger.warning("operation %s stays in the journal: %s", self.operation.id, failure)

    def _log(self) -> None:
        level = logging.INFO if self.outcome in QUIET else logging.WARNING
        if not operation_logger.isEnabledFor(level):
            return
        target = str(self.operation.details)  # it shows method and host, nothing secret
        operation_logger.log(
            level,
            "%s %s: %s, status %s, %.3f s, %d bytes%s",
            self.operation.id, target, self.outcome, self.reply.status, self.seconds, self.reply.bytes_sent,
            f" ({self.reason})" if self.reason else "",
            extra={
                "operation": self.operation.name, "target": target, "outcome": self.outcome,
                "status": self.reply.status, "seconds": round(self.seconds, 6),
                "bytes": self.reply.bytes_sent, "reason": self.reason or None,
            },
        )  # fmt: skip


def shutting_down() -> ShuttingDown:
    """The answer of operations that the end of the server interrupts."""
    return ShuttingDown("the server is restarting; please try again")
