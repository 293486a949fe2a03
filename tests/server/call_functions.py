"""Functions that tests call: async def, plain, and what lies between."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import trio
import trio.lowlevel

from server_trio.calls import CallContext, call
from tests.client.call_cases import RETURNED, STREAMED, WRONG

#: What a test sets to let a function in a thread go on, and what functions tell.
go_on = threading.Event()
told: list[Any] = []
has_told = threading.Event()
begun = threading.Event()  # set by those that go on until somebody ends them
shared: contextvars.ContextVar[str] = contextvars.ContextVar("shared", default="nothing")


def tell(word: str) -> None:
    told.append(word)
    has_told.set()


FAILURES: dict[str, type[BaseException]] = {
    kind.__name__: kind
    for kind in (
        ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, BaseException,
    )
}  # fmt: skip

CASES = {"returned": RETURNED, "wrong": WRONG}


def case(table: str, number: int) -> Any:
    if table == "streamed":
        items, headers = STREAMED[number][:2]
        return iter(items) if headers is None else (200, headers, iter(items))
    return CASES[table][number][0]


call(case)


@call("async.case")
async def async_case(table: str, number: int) -> Any:
    await trio.lowlevel.checkpoint()
    if table != "streamed":
        return case(table, number)
    items, headers = STREAMED[number][:2]
    stream = _async_items(items)
    return stream if headers is None else (200, headers, stream)


async def _async_items(items: list[Any]) -> AsyncIterator[Any]:
    for item in items:
        await trio.lowlevel.checkpoint()
        yield item


@call
def given(*args: Any, **kwargs: Any) -> Any:
    return {"args": args, "kwargs": kwargs}


@call(idempotent=True)
def where() -> str:
    return "thread" if threading.current_thread() is not threading.main_thread() else "loop"


@call
async def where_async() -> str:
    return where()


@call(thread=False)
def where_quick() -> str:
    return where()


@call("wrapped.where")
@functools.wraps(where_async)
def where_wrapped() -> Any:
    """As a decorator leaves it that does not know of async."""
    return where_async()


@call
def fail(kind: str = "ValueError") -> None:
    raise FAILURES[kind]("a secret")


@call
async def fail_async(kind: str = "ValueError") -> None:
    await trio.lowlevel.checkpoint()
    if kind == "group":
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail_async)
    fail(kind)


@call
def fail_later(before: int) -> Iterator[str]:
    for number in range(before):
        yield f"item {number} "
    raise ValueError("a secret")


@call
async def fail_later_async(before: int) -> AsyncIterator[str]:
    for number in range(before):
        await trio.lowlevel.checkpoint()
        yield f"item {number} "
    raise ValueError("a secret")


@call
async def plain_generator_of_async() -> Any:
    return fail_later(2)


@call
def wrong_item() -> Iterator[Any]:
    yield "first"
    yield 5


@call
def about(size: str, context: CallContext) -> dict[str, Any]:
    return {"size": size, "id": context.id, "remaining": context.remaining(), "deadline": context.deadline}


@call
async def about_async(context: CallContext) -> dict[str, Any]:
    return about("async", context)


@call
def variables() -> str:
    return shared.get()


@call
async def sleep(context: CallContext) -> None:
    begun.set()
    try:
        await trio.sleep(context.remaining() + 10)
    finally:
        tell("cancelled")


@call
def block() -> None:
    begun.set()
    go_on.wait(30)
    tell("ended")


@call
def block_and_fail() -> None:
    begun.set()
    go_on.wait(30)
    raise ValueError("nobody sees this")


@call
def wait_until_cancelled(context: CallContext) -> None:
    begun.set()
    try:
        while True:
            context.check_cancelled()
            go_on.wait(0.01)
    finally:
        tell("noticed")


@call
def ticks() -> Iterator[str]:
    try:
        while True:
            yield "tick"
    finally:
        tell("closed")


@call
async def ticks_async(pause: float = 0.001) -> AsyncIterator[str]:
    try:
        while True:
            yield "tick"
            await trio.sleep(pause)
    finally:
        tell("closed")


@call
def threads_of_a_stream() -> Iterator[str]:
    for _ in range(3):
        yield f"{threading.get_ident()} "


@call
def too_long() -> Any:
    return 200, {"Content-Length": "5"}, iter(["abc", "def"])


@call
def too_short() -> Any:
    return 200, {"Content-Length": "7"}, iter(["abc", "def"])


@call
async def too_short_async() -> Any:
    async def letters() -> AsyncIterator[str]:
        yield "abc"
        yield "def"

    return 200, {"Content-Length": "7"}, letters()


@call
async def in_thread(context: CallContext) -> Any:
    def plain(word: str) -> str:
        return f"{word} {where()}"

    return await context.run_sync(plain, "in a")


@call
async def fetch(url: str, context: CallContext) -> Any:
    async with context.http.stream("POST", url, headers={"X-A": "b"}, json={"k": 1}) as response:
        return response.status, {"X-Type": response.header("content-type") or ""}, await response.json()


@call
def fetch_in_thread(context: CallContext) -> Any:
    return context.http.stream("GET", "http://localhost/")


class Object:
    """Something with __call__, as a settings' path may name it."""

    async def __call__(self) -> str:
        return where()


an_object: Callable[[], Any] = Object()
not_marked = given.__call__


def secret() -> str:
    return "not to be called"


@call
async def says_in_a_task(number: int) -> None:
    await trio.lowlevel.checkpoint()
    logging.getLogger("tests.said").warning("said %d", number)


@call
def says_in_a_thread(number: int) -> None:
    logging.getLogger("tests.said").warning("said %d", number)
