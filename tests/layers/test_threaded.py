"""Threads that wait in a layer when nobody waits for them any more, and layers that fail."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis
import trio

from server_trio.errors import LayerUnavailable, MessageRefused, SendUnknown
from server_trio.layers import threaded
from server_trio.layers.base import Received
from server_trio.layers.threaded import ThreadedLayer, open_threaded_layer
from server_trio.receiver import Places, receive_forever

from .blocking_layer import BlockingLayer
from .watch import wait_for


@contextlib.asynccontextmanager
async def blocking() -> AsyncIterator[tuple[BlockingLayer, ThreadedLayer]]:
    backend = BlockingLayer()
    async with open_threaded_layer(backend) as layer:
        try:
            yield backend, layer
        finally:
            backend.stop_waiting()


async def in_thread(event: Any) -> None:
    assert await trio.to_thread.run_sync(event.wait, 30)


async def abandon(backend: BlockingLayer, layer: ThreadedLayer) -> None:
    """Leave a thread waiting in the layer, with nobody who waits for it."""
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(layer.receive, 0, ["in"], 1)
            await in_thread(backend.waiting)
            scope.cancel()


async def test_a_cancelled_receive_returns_although_its_thread_waits() -> None:
    async with blocking() as (backend, layer):
        await abandon(backend, layer)
        assert backend.waiting.is_set()


async def test_what_an_abandoned_thread_takes_goes_to_the_next_receive() -> None:
    async with blocking() as (backend, layer):
        await abandon(backend, layer)
        await layer.send("in", {"n": 1})
        with trio.fail_after(20):
            received = await layer.receive(0, ["in"], 1)
    assert received == [Received("in", {"n": 1})]


async def test_what_an_abandoned_thread_takes_waits_for_room_to_go_back() -> None:
    async with blocking() as (backend, layer):
        backend.capacity = 0
        await abandon(backend, layer)
        with backend.changed:
            backend.messages.append(("in", {"n": 1}))
            backend.changed.notify_all()
        await trio.to_thread.run_sync(lambda: None)
        backend.capacity = 1
        with trio.fail_after(20):
            assert await layer.receive(0, ["in"], 1) == [Received("in", {"n": 1})]


async def test_what_an_abandoned_thread_takes_is_back_when_the_layer_is_closed() -> None:
    backend = BlockingLayer()
    async with open_threaded_layer(backend) as layer:
        await abandon(backend, layer)
        with backend.changed:
            backend.messages.append(("in", {"n": 1}))
            backend.changed.notify_all()
    assert list(backend.messages) == [("in", {"n": 1})]


async def test_a_thread_that_never_comes_back_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("server_trio.layers.threaded.CLOSE_TIMEOUT", 0.05)
    backend = BlockingLayer()
    with trio.fail_after(20):
        async with open_threaded_layer(backend) as layer:
            await abandon(backend, layer)
    backend.stop_waiting()


async def test_a_layer_that_cannot_be_reached_is_unavailable_and_then_is_not() -> None:
    async with blocking() as (backend, layer):
        backend.failures = [OSError("no route"), OSError("no route")]
        with pytest.raises(LayerUnavailable, match="BlockingLayer failed: no route"):
            await layer.send("in", {})
        assert not layer.statistics().connected
        with pytest.raises(LayerUnavailable):
            await layer.receive(0, ["in"], 1)
        await layer.send("in", {})
        assert layer.statistics().connected
        assert len(await layer.receive(0, ["in"], 1)) == 1


async def test_messages_taken_before_an_error_are_not_lost() -> None:
    class BreaksAfterOne(BlockingLayer):
        def receive(self, channels: list[str], block: bool = False) -> tuple[str | None, Any]:
            result = super().receive(channels, block)
            self.failures = [OSError("gone")]
            return result

    backend = BreaksAfterOne()
    backend.messages.append(("in", {"n": 1}))
    async with open_threaded_layer(backend) as layer:
        assert await layer.receive(0, ["in"], 5) == [Received("in", {"n": 1})]


async def test_what_a_layer_cannot_read_is_a_fault() -> None:
    async with blocking() as (backend, layer):
        backend.failures = [ValueError("not a message")]
        (received,) = await layer.receive(0, ["in"], 1)
    assert received == Received("in", None, "ValueError: not a message")


async def test_a_layer_whose_receive_fails_is_unavailable() -> None:
    async with blocking() as (backend, layer):
        for failure in (RuntimeError("database is away"), AssertionError(), KeyError("x")):
            backend.failures = [failure]
            with pytest.raises(LayerUnavailable, match="BlockingLayer failed: "):
                await layer.receive(0, ["in"], 1)
        assert not layer.statistics().connected


async def test_an_outage_is_logged_once_however_long_it_lasts(caplog: pytest.LogCaptureFixture) -> None:
    async with blocking() as (backend, layer), trio.open_nursery() as nursery:
        backend.failures = [OSError("no route")] * 4
        backend.messages.append(("in", {"n": 1}))
        begun: list[Received] = []
        nursery.start_soon(receive_forever, layer, 0, ["in"], Places(10), begun.append)
        await wait_for(lambda: begun)
        backend.stop_waiting()
        nursery.cancel_scope.cancel()
    lines = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len([line for line in lines if "trying again" in line.getMessage()]) == 1


async def test_a_layer_that_only_has_faults_is_asked_ever_again_but_not_without_a_pause() -> None:
    class Stuck(BlockingLayer):
        calls = 0

        def receive(self, channels: list[str], block: bool = False) -> tuple[str | None, Any]:
            self.calls += 1
            raise ValueError("not a message")

    backend = Stuck()
    async with open_threaded_layer(backend) as layer:
        for calls in (1, 2):
            (received,) = await layer.receive(0, ["in"], 100)
            assert received.fault is not None
            assert backend.calls == calls
        begun = trio.current_time()
        await layer.receive(0, ["in"], 100)
        assert trio.current_time() - begun >= threaded.FAULT_PAUSE
        assert backend.calls == 3


class SlowSend(BlockingLayer):
    """A layer whose send waits for `go` and then does as usual."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sending = threading.Event()
        self.go = threading.Event()

    def send(self, channel: str, message: Any) -> None:
        self.sending.set()
        assert self.go.wait(30)
        super().send(channel, message)


@pytest.mark.parametrize("kind", [TimeoutError, redis.exceptions.TimeoutError])
async def test_a_send_that_timed_out_in_the_layer_is_unknown(kind: type[Exception]) -> None:
    async with blocking() as (backend, layer):
        backend.failures = [kind("no answer")]
        with pytest.raises(SendUnknown, match="no answer; whether the message was sent is unknown"):
            await layer.send("in", {})


@pytest.mark.parametrize("capacity", [0, 1])
async def test_a_send_cancelled_in_its_thread_is_cancelled_only_if_it_was_not_sent(
    capacity: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threaded, "CANCEL_TIMEOUT", 30.0)
    backend = SlowSend(capacity=capacity)
    returned = False
    async with open_threaded_layer(backend) as layer, trio.open_nursery() as nursery:
        scope = trio.CancelScope()

        @nursery.start_soon
        async def send() -> None:
            nonlocal returned
            with scope:
                await layer.send("in", {})
                returned = True

        await in_thread(backend.sending)
        scope.cancel()
        await trio.lowlevel.checkpoint()
        backend.go.set()
    assert returned is (len(backend.messages) == 1) is (capacity == 1)


async def test_a_send_cancelled_before_its_thread_began_is_not_sent() -> None:
    backend = BlockingLayer()
    async with open_threaded_layer(backend) as layer:
        with trio.CancelScope() as scope:
            scope.cancel()
            await layer.send("in", {})
    assert scope.cancelled_caught
    assert not backend.messages


async def test_a_cancelled_send_whose_thread_does_not_end_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threaded, "CANCEL_TIMEOUT", 0.05)
    backend = SlowSend()
    async with open_threaded_layer(backend) as layer, trio.open_nursery() as nursery:
        scope = trio.CancelScope()

        @nursery.start_soon
        async def send() -> None:
            with scope, pytest.raises(SendUnknown, match="SlowSend does not answer"):
                await layer.send("in", {})

        await in_thread(backend.sending)
        scope.cancel()
    backend.go.set()


async def test_a_layer_without_groups_says_so() -> None:
    async with open_threaded_layer(BlockingLayer()) as layer:
        with pytest.raises(MessageRefused, match="BlockingLayer has no groups"):
            await layer.group_send("room", {})


async def test_waiting_receives_leave_threads_for_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server_trio.layers.threaded.THREADS", 2)
    async with blocking() as (backend, layer), trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(layer.receive, 0, ["in"], 1)
        await in_thread(backend.waiting)
        for number in range(5):
            await layer.send("in", {"n": number})
