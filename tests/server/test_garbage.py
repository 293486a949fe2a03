"""What operations leave behind for Python's collector of cycles, which a server lets run seldom."""

from __future__ import annotations

import functools
import gc
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import trio
from asgiref.inmemory import ChannelLayer  # type: ignore[import-untyped]
from channels.routing import route  # type: ignore[import-untyped]

from channels_async.wire import Operation
from server_trio.garbage import OF_ONE, THRESHOLDS, Allowance
from server_trio.http.session import Session
from server_trio.layers.memory import MemoryLayer
from server_trio.limits import HttpLimits
from server_trio.operations import Context, run_request
from server_trio.replies import Reply
from server_trio.resolving import resolve

from .call_support import Caller
from .consuming import consuming, until
from .test_supervisor import handle_by_path, message_v2, replies, serving

OPERATIONS = 200
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"


async def answer(stream: trio.SocketStream) -> None:
    async for _ in stream:
        await stream.send_all(ANSWER)


async def left_by(layer: MemoryLayer, url: str, **fields: Any) -> int:
    """Objects that only the collector can free after OPERATIONS operations.

    The least of three times: it also frees what others leave meanwhile, as an idle thread that ends does.
    """
    await ask(layer, url, **fields)  # caches, connections, what is loaded late
    gc.collect()
    gc.disable()
    try:
        found = []
        for _ in range(3):
            for _ in range(OPERATIONS // 10):
                await ask(layer, url, **fields)
            found.append(gc.collect())
        return min(found)
    finally:
        gc.enable()


async def ask(layer: MemoryLayer, url: str, **fields: Any) -> None:
    for _ in range(10):
        await layer.send("request.async", message_v2(url=url, **fields))
    await replies(layer, 10)


async def test_a_request_leaves_no_cycles() -> None:
    async with trio.open_nursery() as nursery:
        serve = functools.partial(trio.serve_tcp, answer, 0, host="127.0.0.1")
        [listener] = await nursery.start(serve)
        url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/"
        layer = MemoryLayer()
        async with serving(layer, handlers={"REQUEST": run_request}):
            assert await left_by(layer, url) < OPERATIONS
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnone\r\n"])
async def test_nor_does_one_whose_upstream_fails(said: bytes) -> None:
    async def fail(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(said)

    async with trio.open_nursery() as nursery:
        serve = functools.partial(trio.serve_tcp, fail, 0, host="127.0.0.1")
        [listener] = await nursery.start(serve)
        url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/"
        layer = MemoryLayer()
        async with serving(layer, handlers={"REQUEST": run_request}):
            assert await left_by(layer, url, method="POST", body=b"large" * 10_000) < OPERATIONS
        nursery.cancel_scope.cancel()


async def test_nor_does_a_function_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "server_trio")  # pytest keeps what is logged, and the error with it
    caller = Caller()

    async def ask_often() -> int:
        for _ in range(OPERATIONS // 10):
            await caller.begin("fail", http=http).run()
        return gc.collect()

    async with Session(HttpLimits()) as http:
        await ask_often()
        gc.disable()
        try:
            assert await ask_often() < OPERATIONS // 10
        finally:
            gc.enable()


async def fail(message: Any) -> None:
    raise ValueError("a failure")


def fail_in_a_thread(message: Any) -> None:
    raise ValueError("a failure")


@pytest.mark.parametrize("consumer", [fail, fail_in_a_thread])
async def test_nor_does_a_consumer_that_fails(consumer: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "server_trio")
    layer = MemoryLayer(capacity=OPERATIONS)
    async with consuming(layer, route("notify", consumer), sync_layer=ChannelLayer()) as supervisor:

        async def consume_often(sent: int) -> int:
            for _ in range(OPERATIONS // 2):
                await layer.send("notify", {"kind": "mail"})
            await until(lambda: sum(supervisor.statistics().consumed.values()) == sent)
            return gc.collect()

        await consume_often(OPERATIONS // 2)
        gc.disable()
        try:
            assert await consume_often(OPERATIONS) < OPERATIONS // 2
        finally:
            gc.enable()


@pytest.mark.parametrize("path", ["ok", "broken", "mute"])
async def test_nor_does_one_that_fails(path: str) -> None:
    layer = MemoryLayer()
    async with serving(layer, handlers={"REQUEST": handle_by_path}):
        assert await left_by(layer, f"http://upstream/{path}") < OPERATIONS


def test_the_collector_is_set_up_when_all_is_loaded() -> None:
    program = (
        "import gc, json; from server_trio.garbage import collect_seldom; collect_seldom();"
        "print(json.dumps([gc.get_threshold(), gc.isenabled(), gc.get_freeze_count() > 1000]))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert json.loads(said.stdout) == [list(THRESHOLDS), True, True]


@pytest.fixture
def as_in_a_server() -> Iterator[None]:
    """The collector's thresholds are a server's."""
    before = gc.get_threshold()
    gc.collect()
    gc.set_threshold(*THRESHOLDS)
    yield
    gc.set_threshold(*before)


@pytest.mark.usefixtures("as_in_a_server")
async def test_thousands_that_wait_are_not_looked_at() -> None:
    """Their objects alone are several times as many as there may otherwise be more than before."""
    number = 4 * THRESHOLDS[0] // OF_ONE
    waiting, go_on = 0, trio.Event()

    async def wait(operation: Operation, reply: Reply, context: Context) -> None:
        nonlocal waiting
        objects = [[] for _ in range(OF_ONE)]  # type: ignore[var-annotated]
        waiting += 1
        await go_on.wait()
        assert len(objects) == OF_ONE
        await reply.start(200, [])

    looks = 0

    def count(phase: str, info: dict[str, int]) -> None:
        nonlocal looks
        looks += phase == "start"

    layer = MemoryLayer(capacity=number)
    settings = resolve({"CONCURRENCY": {"total": number}, "DEADLINES": {"REQUEST": 100}}, {}, {})
    async with serving(layer, settings, {"REQUEST": wait}):
        gc.callbacks.append(count)
        try:
            for _ in range(number):
                await layer.send("request.async", message_v2())
            with trio.fail_after(60):
                while waiting < number:
                    await trio.lowlevel.checkpoint()
        finally:
            gc.callbacks.remove(count)
        assert looks <= 1  # of what was before, perhaps
        go_on.set()
        await replies(layer, number)
    assert gc.get_threshold()[0] < THRESHOLDS[0] + 100 * OF_ONE  # those that have gone are not allowed for


@pytest.mark.usefixtures("as_in_a_server")
def test_what_is_allowed_follows_the_number_in_flight() -> None:
    allowance = Allowance()
    for number in [*range(5000), *reversed(range(5000))]:
        allowance.note(number)
        beyond = gc.get_threshold()[0] - THRESHOLDS[0]
        assert number * OF_ONE <= beyond <= (number + 1) * 8 * OF_ONE


def test_thresholds_of_somebody_else_are_left_alone() -> None:
    before = gc.get_threshold()
    Allowance().note(100_000)
    assert gc.get_threshold() == before
