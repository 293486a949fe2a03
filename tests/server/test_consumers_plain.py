"""Consumers that were written for runworker: what they find is as it is there (channels/worker.py)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
import trio
from asgiref.inmemory import ChannelLayer  # type: ignore[import-untyped]
from channels import Channel, Group  # type: ignore[import-untyped]
from channels.exceptions import (  # type: ignore[import-untyped]
    ConsumeLater,
    DenyConnection,
    WebsocketCloseException,
)
from channels.message import Message, pending_message_store  # type: ignore[import-untyped]
from channels.routing import route, route_class  # type: ignore[import-untyped]
from channels.signals import consumer_finished, consumer_started  # type: ignore[import-untyped]

from server_trio.layers.memory import MemoryLayer
from server_trio.supervisor import Supervisor

from .consuming import consuming, content, until

REPLY = "websocket.send!abc"


async def consumed(supervisor: Supervisor, number: int = 1) -> dict[tuple[str, str], int]:
    """What has become of the first `number` messages, once it has."""
    await until(lambda: sum(supervisor.statistics().consumed.values()) >= number)
    return supervisor.statistics().consumed


async def run(
    consumer: Any, message: dict[str, Any], channel: str = "notify"
) -> tuple[dict[tuple[str, str], int], MemoryLayer, ChannelLayer]:
    """Consume one message; what became of it, the served layer, and the layer that plain code sends to."""
    layer, sync_layer = MemoryLayer(), ChannelLayer()
    async with consuming(layer, route(channel, consumer), sync_layer=sync_layer) as supervisor:
        await layer.send(channel, message)
        return await consumed(supervisor), layer, sync_layer


async def test_it_runs_in_a_thread_with_channels_own_message_and_the_filters_arguments() -> None:
    seen: list[Any] = []

    def notify(message: Message, to: str) -> None:
        seen.append((type(message), message.content, message.channel.name, to))
        seen.append(threading.current_thread() is threading.main_thread())
        message.reply_channel.send({"got": message["n"]})

    layer, sync_layer = MemoryLayer(), ChannelLayer()
    routes = [route("notify", notify, kind=r"^mail-(?P<to>\w+)$")]
    sent = {"n": 1, "kind": "mail-ann", "reply_channel": "reply?x"}
    async with consuming(layer, *routes, sync_layer=sync_layer) as supervisor:
        await layer.send("notify", sent)
        assert await consumed(supervisor) == {("notify", "ok"): 1}
    assert seen == [(Message, sent, "notify", "ann"), False]
    assert sync_layer.receive(["reply?x"]) == ("reply?x", {"got": 1})


async def test_what_it_sends_goes_out_at_its_end_between_channels_signals() -> None:
    order: list[Any] = []
    sync_layers: list[ChannelLayer] = []

    def started(**kwargs: Any) -> None:
        order.append("started")

    def finished(**kwargs: Any) -> None:
        order.append("finished")

    def notify(message: Message) -> None:
        sync_layers.append(message.channel_layer)
        message.reply_channel.send({"n": 1})
        order.append(message.channel_layer.receive(["reply?x"]))
        message.reply_channel.send({"n": 2}, immediately=True)
        order.append(message.channel_layer.receive(["reply?x"]))

    consumer_started.connect(started)
    consumer_finished.connect(finished)
    try:
        await run(notify, {"reply_channel": "reply?x"})
    finally:
        consumer_started.disconnect(started)
        consumer_finished.disconnect(finished)
    assert order == ["started", (None, None), ("reply?x", {"n": 2}), "finished"]
    assert sync_layers[0].receive(["reply?x"]) == ("reply?x", {"n": 1})


async def test_groups_and_other_channels_are_channels_own() -> None:
    def notify(message: Message) -> None:
        group = Group("room", channel_layer=message.channel_layer)
        group.add("reply?a")
        group.add("reply?b")
        group.discard("reply?b")
        group.send({"n": 1})
        Channel("other", channel_layer=message.channel_layer).send({"n": 2})

    _, _, sync_layer = await run(notify, {})
    assert sync_layer.receive(["reply?a"]) == ("reply?a", {"n": 1})
    assert sync_layer.receive(["reply?b"]) == (None, None)
    assert sync_layer.receive(["other"]) == ("other", {"n": 2})


async def test_a_class_based_consumer_runs_unchanged() -> None:
    from channels.generic import BaseConsumer  # type: ignore[import-untyped]

    class Consumer(BaseConsumer):  # type: ignore[misc]
        method_mapping = {"mail.in": "come", "mail.out": "go"}  # noqa: RUF012

        def come(self, message: Message, **kwargs: Any) -> None:
            message.reply_channel.send({"way": "in", **kwargs})

        def go(self, message: Message, **kwargs: Any) -> None:
            message.reply_channel.send({"way": "out", **kwargs})

    layer, sync_layer = MemoryLayer(), ChannelLayer()
    routes = [route_class(Consumer, box=r"^(?P<name>\w+)$")]
    async with consuming(layer, *routes, sync_layer=sync_layer) as supervisor:
        for way in ("in", "out"):
            await layer.send(f"mail.{way}", {"box": "inbox", "reply_channel": "reply?x"})
            await consumed(supervisor, 1 if way == "in" else 2)
    assert sync_layer.receive(["reply?x"])[1] == {"way": "in", "name": "inbox"}
    assert sync_layer.receive(["reply?x"])[1] == {"way": "out", "name": "inbox"}


@pytest.mark.parametrize(
    "kind", [ZeroDivisionError, SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError]
)
async def test_an_exception_is_logged_and_ends_nothing(
    kind: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(message: Message) -> None:
        message.reply_channel.send({"n": "sent all the same, as under runworker"})
        raise kind("a bug")

    outcome, _, sync_layer = await run(fail, {"reply_channel": "reply?x"})
    assert outcome == {("notify", "error"): 1}
    assert "fail of channel notify failed" in caplog.text
    assert "a bug" in caplog.text
    assert sync_layer.receive(["reply?x"])[0] == "reply?x"


async def test_what_channels_cannot_name_can_be_a_consumer() -> None:
    outcome, _, _ = await run(print, {})
    assert outcome == {("notify", "ok"): 1}


async def test_consume_later_puts_the_message_back_and_says_when_it_is_the_last_time() -> None:
    doomed: list[bool] = []

    def later(message: Message) -> None:
        doomed.append(hasattr(message, "__doomed__"))
        raise ConsumeLater

    layer = MemoryLayer()
    async with consuming(layer, route("notify", later), sync_layer=ChannelLayer()) as supervisor:
        await layer.send("notify", {})
        assert await consumed(supervisor, 11) == {("notify", "later"): 10, ("notify", "dropped"): 1}
    assert doomed == [False] * 10 + [True]


async def test_deny_connection_closes_the_websocket() -> None:
    def deny(message: Message) -> None:
        raise DenyConnection

    outcome, layer, _ = await run(deny, {"reply_channel": REPLY}, "websocket.connect")
    assert outcome == {("websocket.connect", "denied"): 1}
    assert await content(layer, "websocket.send!") == {"close": True}


async def test_websocket_close_exception_closes_with_its_code() -> None:
    def close(message: Message) -> None:
        raise WebsocketCloseException(4001)

    outcome, _, sync_layer = await run(close, {"reply_channel": REPLY}, "websocket.receive")
    assert outcome == {("websocket.receive", "ok"): 1}
    assert sync_layer.receive(["websocket.send!"]) == (REPLY, {"close": 4001})


async def test_a_decorated_async_def_is_refused_with_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda message: function(message)

    @decorate
    async def notify(message: Message) -> None: ...

    outcome, _, _ = await run(notify, {})
    assert outcome == {("notify", "error"): 1}
    assert "decorators (channel_session, enforce_ordering and others) are for plain functions" in caplog.text


async def test_an_async_generator_is_no_consumer(caplog: pytest.LogCaptureFixture) -> None:
    async def notify(message: Message) -> Any:
        yield message

    outcome, _, _ = await run(notify, {})
    assert outcome == {("notify", "error"): 1}
    assert "it is an async generator" in caplog.text


async def test_messages_that_could_not_be_sent_at_its_end_are_told_and_not_kept_by_the_thread(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """channels raises after 2 s (channels/message.py:104-119); a thread does other things later."""
    monkeypatch.setattr(pending_message_store, "retry_time", 0.01)
    monkeypatch.setattr(pending_message_store, "retry_interval", 0.02)
    threads: list[threading.Thread] = []

    def full(message: Message) -> None:
        for _ in range(2):
            message.reply_channel.send({})
        threads.append(threading.current_thread())

    layer, sync_layer = MemoryLayer(), ChannelLayer(capacity=1)
    async with consuming(layer, route("notify", full), sync_layer=sync_layer) as supervisor:
        await layer.send("notify", {"reply_channel": "reply?x"})
        assert await consumed(supervisor) == {("notify", "error"): 1}
        # Trio gives the next function to the thread that was idle last.
        thread, is_active = await trio.to_thread.run_sync(
            lambda: (threading.current_thread(), pending_message_store.active)
        )
    assert "Failed to send queued message to reply?x" in caplog.text
    assert threads == [thread]
    assert not is_active


class TestThreads:
    async def test_no_more_run_at_once_than_there_are_places(self) -> None:
        layer = MemoryLayer()
        barrier = threading.Barrier(3)  # two threads and this test

        def meet(message: Message) -> None:
            barrier.wait(30)
            barrier.wait(30)

        routes = [route("notify", meet)]
        async with consuming(
            layer, *routes, sync_layer=ChannelLayer(), CONCURRENCY={"consumers": 2}
        ) as supervisor:
            for _ in range(4):
                await layer.send("notify", {})
            for left in (2, 0):
                await trio.to_thread.run_sync(barrier.wait, 30)
                assert (supervisor.statistics().consuming, layer.pending("notify")) == (2, left)
                await trio.to_thread.run_sync(barrier.wait, 30)
            assert await consumed(supervisor, 4) == {("notify", "ok"): 4}

    async def test_one_that_goes_on_after_its_deadline_is_told_and_keeps_its_place(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        layer = MemoryLayer()
        go_on = threading.Event()

        def slow(message: Message) -> None:
            go_on.wait(30)

        async with consuming(
            layer, route("notify", slow), sync_layer=ChannelLayer(),
            CONCURRENCY={"consumers": 1}, DEADLINES={"notify": 0.01},
        ) as supervisor:  # fmt: skip
            await layer.send("notify", {})
            await until(lambda: "goes on in its thread after its deadline of 0.01 s" in caplog.text)
            await layer.send("notify", {})
            assert (supervisor.statistics().consuming, layer.pending("notify")) == (1, 1)
            go_on.set()
            outcomes = await consumed(supervisor, 2)
        assert outcomes[("notify", "timeout")] >= 1

    async def test_one_that_does_not_end_in_the_grace_time_is_left_behind(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        layer = MemoryLayer()
        begun, go_on = threading.Event(), threading.Event()

        def slow(message: Message) -> None:
            begun.set()
            go_on.wait(30)

        try:
            async with consuming(
                layer, route("notify", slow), sync_layer=ChannelLayer(), GRACE_TIME=0.01
            ) as supervisor:
                await layer.send("notify", {})
                await trio.to_thread.run_sync(begun.wait, 30)
        finally:
            go_on.set()
        assert supervisor.statistics().consumed == {("notify", "shutdown"): 1}
        assert "slow of channel notify: cancelled, the server ends" in caplog.text
