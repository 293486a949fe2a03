"""CALL: call a function that the settings name; what it returns is the answer.

An `async def` runs in the operation's task, a plain function in a thread (threads.py), with all that
belongs to it: its generator, its template, the JSON of what it returns. What a return value is as a
response is decided by result_rules.py of the contract, the same for the inline form.
"""

from __future__ import annotations

import difflib
import inspect
import itertools
import logging
import traceback
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, TypeAlias

import trio

from channels_async import call_rules, result_rules
from channels_async.wire import Call as Details
from channels_async.wire import Operation

from ..calls import CallContext
from ..errors import OperationError, OperationRefused
from ..failures import separate
from ..replies import Reply, ReplyState, as_bytes
from .base import Context
from .threads import Threads

logger = logging.getLogger(__name__)

#: Packages whose frames every call has before its own.
_AROUND = frozenset(("server_trio", "trio", "outcome"))


@dataclass(frozen=True, slots=True)
class Function:
    """A function that can be called.

    `in_task`: in the event loop, not in a thread. `idempotent`: calling it twice is as good as once.
    """

    name: str
    target: Callable[..., Any]
    in_task: bool
    takes_context: bool
    idempotent: bool


class Head(NamedTuple):
    """The beginning of an answer, with its first content, or all there is."""

    answer: result_rules.Answer
    content: bytes | str


#: What comes out of a function: a head, then pieces of the content.
Part: TypeAlias = Head | bytes | str


class FunctionFailed(OperationError):
    """The function raised, or returned what is no response. The log has why."""


class RunCall:
    """The handler of CALL operations. With `debug` an error tells its traceback."""

    def __init__(self, functions: Mapping[str, Function], threads: Threads, *, debug: bool) -> None:
        self._functions = functions
        self._threads = threads
        self._debug = debug

    def is_repeatable(self, details: Details) -> bool:
        """Whether the function may be called again after a server has died over it; see recovery.py."""
        function = self._functions.get(details.function)
        return function is not None and function.idempotent

    async def __call__(self, operation: Operation, reply: Reply, context: Context) -> None:
        """Raises OperationRefused for a function that is not there, FunctionFailed."""
        details: Details = operation.details
        function = self._functions.get(details.function)
        if function is None:
            near = difflib.get_close_matches(details.function, self._functions, 1, 0.6)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            logger.warning(
                "operation %s: the settings have no function '%s'%s", operation.id, details.function, hint
            )
            raise OperationRefused(call_rules.NOT_HERE)
        await _Calling(function, operation, reply, context, self._threads, self._debug).run()


class _Calling:
    """One call, from the arguments to the end of its answer."""

    def __init__(
        self,
        function: Function,
        operation: Operation,
        reply: Reply,
        context: Context,
        threads: Threads,
        debug: bool,
    ) -> None:
        self._function = function
        self._operation = operation
        self._reply = reply
        self._context = context
        self._threads = threads
        self._debug = debug
        self._length: result_rules.NamedLength | None = None  # of a stream

    @property
    def _what(self) -> str:
        return f"operation {self._operation.id}: the function '{self._function.name}'"

    async def run(self) -> None:
        """Call it and answer."""
        call = self._prepared()
        if self._function.in_task:
            await self._answer_in_task(call)
            return
        rest = await self._answer_from_thread(lambda put: _call_in_thread(call, put))
        if rest is not None:
            await self._answer_in_task(lambda: rest)

    def _prepared(self) -> Callable[[], Any]:
        """The call with its arguments."""
        details: Details = self._operation.details
        target, given = self._function.target, {}
        if self._function.takes_context:
            seconds = trio.current_effective_deadline() - trio.current_time()

            async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
                return await self._threads.run(self._what, function, *args)

            given["context"] = CallContext(self._operation.id, seconds, self._context.http, in_thread)
        # Not a dict of both: who passes a `context` of their own is told.
        return lambda: target(*details.args, **given, **details.kwargs)

    async def _answer_in_task(self, call: Callable[[], Any]) -> None:
        with self._failures():
            value = call()
            if inspect.isawaitable(value):
                value = await value
            answer = result_rules.answer(value)
        if answer.stream is None or hasattr(answer.stream, "__aiter__"):
            try:
                await self._answer_async(answer)
            finally:
                if answer.stream is not None or answer.close is not None:
                    await self._close(answer)
        else:
            await self._answer_from_thread(lambda put: _pump(answer, put))

    async def _answer_async(self, answer: result_rules.Answer) -> None:
        """Pass on an answer that is complete, or an async stream."""
        if answer.stream is None:
            if answer.close is None:
                self._reply.completed()
            await self._send(Head(answer, answer.content or b""))
            return
        stream = answer.stream.__aiter__()
        with self._failures():
            part: Part = _stream_head(answer, await _first(stream))
        while await self._send(part):
            with self._failures():
                try:
                    part = result_rules.item(await stream.__anext__())
                except StopAsyncIteration:
                    break
        await self._end()

    async def _answer_from_thread(self, produce: Callable[[Callable[[Part], bool]], Any]) -> Any:
        """Run `produce(put)` in a thread and pass on what it puts; returns what it returns.

        `put` waits until the part has been taken and says whether more is wanted.
        """
        outcome: list[Any] = []
        failures: list[Exception] = []
        send, receive = trio.open_memory_channel[Part](0)

        def put(part: Part) -> bool:
            try:
                trio.from_thread.run(send.send, part)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return False
            except (trio.Cancelled, trio.RunFinishedError):
                return False
            return True

        async def run_thread() -> None:
            async with send:
                try:
                    with self._failures():
                        outcome.append(await self._threads.run(self._what, produce, put))
                except Exception as error:  # not to come out in a group
                    failures.append(error)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_thread)
            try:
                async with receive:
                    async for part in receive:
                        if not await self._send(part):
                            break
            except Exception as error:
                failures.append(error)
                nursery.cancel_scope.cancel()
        if failures:
            raise failures[0]
        await self._end()
        return outcome[0]

    async def _send(self, part: Part) -> bool:
        """Put a part on the reply channel; whether the one who waits wants more."""
        if isinstance(part, Head):
            answer = part.answer
            headers = result_rules.response_headers(
                answer.status, answer.headers, self._operation.response_headers
            )
            more = answer.content is None
            if more:
                self._length = result_rules.NamedLength(headers)
            self._count(part.content)
            await self._reply.start(answer.status, headers, part.content, more=more, items=more)
        elif part:
            self._count(part)
            await self._reply.write(part, more=True)
        return self._reply.state is ReplyState.STARTED

    def _count(self, content: bytes | str) -> None:
        """Hold a stream to the Content-Length it has named."""
        if self._length is not None and not self._reply.bodiless:
            with self._failures():
                self._length.take(as_bytes(content))

    async def _end(self) -> None:
        """The end of all that was put on the reply channel."""
        if self._length is not None and self._reply.state is ReplyState.STARTED:
            with self._failures():
                self._length.end()
        await self._reply.end()

    def _failures(self) -> _Failures:
        """Around code of the project: what it raises is logged and raised as FunctionFailed."""
        return _Failures(self._failed)

    def _failed(self, error: BaseException) -> FunctionFailed:
        error = error.with_traceback(_of_the_project(error.__traceback__))
        if isinstance(error, result_rules.NoResponse):
            logger.error("%s returned %s", self._what, error)
        else:
            logger.error("%s failed", self._what, exc_info=error)
        shown = "".join(traceback.format_exception(error)) if self._debug else None
        return FunctionFailed(call_rules.failed(self._function.name, shown))

    async def _close(self, answer: result_rules.Answer) -> None:
        """Let go of an async generator and of Django's response, whatever they raise."""
        try:
            if hasattr(answer.stream, "aclose"):
                await answer.stream.aclose()
            if answer.close is not None:
                answer.close()
        except BaseException as error:
            failure, cancelled = separate(error)
            if cancelled is not None:
                raise
            logger.error("%s: closing what was returned failed", self._what, exc_info=failure)


class _Failures:
    """A block of the project's code. Without a generator: each call of a function enters it several times."""

    __slots__ = ("_failed",)

    def __init__(self, failed: Callable[[BaseException], FunctionFailed]) -> None:
        self._failed = failed

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        if error is None:
            return
        failure, cancelled = separate(error)
        if cancelled is error:
            return
        if cancelled is not None:
            raise cancelled from None
        assert failure is not None
        raise self._failed(failure) from None


def _call_in_thread(call: Callable[[], Any], put: Callable[[Part], bool]) -> Any:
    """Call a plain function and put what it returns; returns what only the event loop can go on with."""
    value = call()
    if inspect.isawaitable(value) or hasattr(value, "__aiter__"):
        return value
    _pump(result_rules.answer(value), put)
    return None


def _pump(answer: result_rules.Answer, put: Callable[[Part], bool]) -> None:
    """Put an answer, its stream included, and let go of it. In a thread."""
    try:
        if answer.stream is None:
            put(Head(answer, answer.content or b""))
        elif put(_stream_head(answer, list(itertools.islice(answer.stream, 1)))):
            for item in answer.stream:
                if not put(result_rules.item(item)):
                    break
    finally:
        for close in (getattr(answer.stream, "close", None), answer.close):
            try:
                if close is not None:
                    close()
            except Exception:
                logger.exception("closing what a function returned failed")


def _stream_head(answer: result_rules.Answer, first: list[Any]) -> Head:
    answer.headers = result_rules.stream_headers(answer, first)
    return Head(answer, result_rules.item(first[0]) if first else b"")


async def _first(stream: AsyncIterator[Any]) -> list[Any]:
    """The first item, if there is one."""
    try:
        return [await stream.__anext__()]
    except StopAsyncIteration:
        return []


def _of_the_project(frames: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames that every call has before its own."""
    while frames is not None and frames.tb_next is not None:
        if frames.tb_frame.f_globals.get("__name__", "").partition(".")[0] not in _AROUND:
            break
        frames = frames.tb_next
    return frames
