"""Threads that wait in a layer when nobody waits for them any more, and layers that fail."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from server_trio.errors import LayerUnavailable, MessageRefused
from server_trio.layers.base import Received
from server_trio.layers.threaded import ThreadedLayer, open_threaded_layer

from .blocking_layer import BlockingLayer


@contextlib.asynccontextmanager
async def blocking() -> AsyncIterator[tuple[BlockingLayer, ThreadedLayer]]:
    backend = BlockingLayer()
    async with open_threaded_layer(backend) as layer:
        try:
            yield backend, layer
        finally:
            backend.stop_waiting()


async def in_thread(event: Any) -> None:
    assert await trio.to_thread.run_sync(event.wait, 10)


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
        with trio.fail_after(10):
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
        with trio.fail_after(10):
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
    with trio.fail_after(5):
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
