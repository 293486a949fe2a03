"""`async def` consumers: what they are given, their deadline, and what their exceptions mean."""

from __future__ import annotations

import asyncio
import functools
import sys
from typing import Any

import msgpack
import pytest
import trio
import trio.testing
from asgiref.inmemory import ChannelLayer  # type: ignore[import-untyped]
from channels.exceptions import (  # type: ignore[import-untyped]
    ConsumeLater,
    DenyConnection,
    WebsocketCloseException,
)
from channels.routing import route  # type: ignore[import-untyped]

from server_trio.consumers import AsyncMessage, Channel, ChannelFull, Group
from server_trio.consumers.runner import MESSAGE_RETRIES, RETRIES_KEY, is_async
from server_trio.layers.memory import MemoryLayer

from .consuming import consuming, content

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup, ExceptionGroup

pytestmark = pytest.mark.autojump

REPLY = "websocket.send!abc"


async def answer(message: AsyncMessage, **kwargs: Any) -> None:
    assert message.reply_channel is not None
    await message.reply_channel.send({"got": message["n"], "on": message.channel.name, **kwargs})


async def test_a_consumer_answers_on_the_reply_channel_of_its_message() -> None:
    layer = MemoryLayer()
    async with consuming(layer, route("notify", answer)) as supervisor:
        await layer.send("notify", {"n": 1, "reply_channel": "reply?x"})
        assert await content(layer, "reply?x") == {"got": 1, "on": "notify"}
    assert supervisor.statistics().consumed == {("notify", "ok"): 1}
    assert supervisor.channels == ["request.async", "notify"]


async def test_keys_that_a_site_on_python_2_has_written_as_bytes_are_text() -> None:
    async def consumer(message: AsyncMessage) -> None:
        await Channel("reply?x").send({"got": message.content})

    layer = MemoryLayer()
    async with consuming(layer, route("notify", consumer, kind="mail")):
        await layer.send("notify", {b"kind": "mail", b"to": [{b"name": b"ann", b"\xff": 1}]})
        got = (await content(layer, "reply?x"))["got"]
    assert got == {"kind": "mail", "to": [{"name": b"ann", b"\xff": 1}]}


async def test_filters_give_arguments_and_a_message_without_a_route_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    layer = MemoryLayer()
    async with consuming(layer, route("notify", answer, kind=r"^mail-(?P<to>\w+)$")) as supervisor:
        await layer.send("notify", {"n": 1, "kind": "pigeon", "reply_channel": "reply?x"})
        await layer.send("notify", {"n": 2, "kind": "mail-ann", "reply_channel": "reply?x"})
        assert await content(layer, "reply?x") == {"got": 2, "on": "notify", "to": "ann"}
    assert supervisor.statistics().consumed == {("notify", "ok"): 1, ("notify", "unrouted"): 1}
    assert "the routing has no consumer for a message on notify" in caplog.text


async def test_what_a_consumer_starts_has_the_http_client_and_what_runs_elsewhere_is_told_so() -> None:
    async def consumer(message: AsyncMessage) -> None:
        async def ask() -> None:
            await Channel("reply?x").send({"got": type(message.http).__name__})

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)

    layer = MemoryLayer()
    async with consuming(layer, route("notify", consumer)):
        await layer.send("notify", {})
        assert await content(layer, "reply?x") == {"got": "Http"}
    with pytest.raises(RuntimeError, match=r"message\.http works in what the server runs"):
        AsyncMessage({}, "notify").http  # noqa: B018


async def test_a_message_is_read_as_a_dict_and_copied_without_its_content() -> None:
    message = AsyncMessage({"a": [1]}, "notify")
    copied = message.copy()
    copied["a"].append(2)
    copied["b"] = 3
    assert (message.content, copied.content) == ({"a": [1]}, {"a": [1, 2], "b": 3})
    assert ("a" in message, "b" in message, message.get("b", 7)) == (True, False, 7)
    assert (list(message.keys()), list(message.values())) == (["a"], [[1]])
    assert list(message.items()) == [("a", [1])]
    assert message.reply_channel is None


async def test_consumers_run_side_by_side_up_to_their_limit_and_the_rest_waits_in_the_layer() -> None:
    layer = MemoryLayer()
    most = running = 0

    async def slow(message: AsyncMessage) -> None:
        nonlocal most, running
        running += 1
        most = max(most, running)
        await trio.sleep(1)
        running -= 1

    async with consuming(layer, route("notify", slow), CONCURRENCY={"consumers": 3}) as supervisor:
        for _ in range(7):
            await layer.send("notify", {})
        await trio.sleep(0.5)
        assert layer.pending("notify") == 4
        assert supervisor.statistics().consuming == 3
        await trio.sleep(3)
    assert most == 3
    assert supervisor.statistics().consumed == {("notify", "ok"): 7}


class TestDeadline:
    async def test_a_consumer_is_cancelled_at_the_deadline_of_its_channel(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        layer = MemoryLayer()
        ended: list[float] = []

        async def for_ever(message: AsyncMessage) -> None:
            began = trio.current_time()
            try:
                await trio.sleep_forever()
            finally:
                ended.append(trio.current_time() - began)

        routes = [route("notify", for_ever), route("bell", for_ever)]
        async with consuming(layer, *routes, DEADLINES={"notify": 45, "default": 10}) as supervisor:
            await layer.send("notify", {})
            await layer.send("bell", {})
            await trio.sleep(50)
        assert ended == [pytest.approx(10), pytest.approx(45)]
        consumed = supervisor.statistics().consumed
        assert consumed == {("notify", "timeout"): 1, ("bell", "timeout"): 1}
        assert "for_ever of channel notify: cancelled at its deadline of 45 s" in caplog.text

    async def test_what_it_raises_while_it_is_cancelled_is_logged(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        layer = MemoryLayer()

        async def stumble(message: AsyncMessage) -> None:
            try:
                await trio.sleep_forever()
            finally:
                raise ValueError("on the way out")

        async with consuming(layer, route("notify", stumble), DEADLINES={"notify": 1}) as supervisor:
            await layer.send("notify", {})
            await trio.sleep(2)
        assert "on the way out" in caplog.text
        assert supervisor.statistics().consumed == {("notify", "error"): 1}


class TestEnd:
    """A server that drains waits for its consumers, within the grace time."""

    async def test_a_consumer_that_ends_in_time_is_waited_for(self) -> None:
        layer = MemoryLayer()

        async def slow(message: AsyncMessage) -> None:
            await trio.sleep(3)
            await Channel("done").send({"n": 1})

        async with consuming(layer, route("notify", slow), GRACE_TIME=5) as supervisor:
            await layer.send("notify", {})
            await trio.sleep(1)
            supervisor.drain()
            await layer.send("notify", {"later": True})
        assert layer.pending("done") == 1
        assert layer.pending("notify") == 1

    async def test_one_that_does_not_is_cancelled_and_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        layer = MemoryLayer()

        async def for_ever(message: AsyncMessage) -> None:
            await trio.sleep_forever()

        async with consuming(layer, route("notify", for_ever), GRACE_TIME=5) as supervisor:
            await layer.send("notify", {})
            await trio.sleep(1)
            began = trio.current_time()
        assert trio.current_time() - began == pytest.approx(5)
        assert supervisor.statistics().consumed == {("notify", "shutdown"): 1}
        assert "for_ever of channel notify: cancelled, the server ends" in caplog.text

    async def test_an_abort_cancels_at_once(self) -> None:
        layer = MemoryLayer()

        async def for_ever(message: AsyncMessage) -> None:
            await trio.sleep_forever()

        async with consuming(layer, route("notify", for_ever)) as supervisor:
            await layer.send("notify", {})
            await trio.sleep(1)
            began = trio.current_time()
            supervisor.abort()
        assert trio.current_time() == began


class TestExceptions:
    @pytest.mark.parametrize(
        "error",
        [
            ZeroDivisionError("a bug"),
            SystemExit(3),
            ExceptionGroup("", [ValueError("a bug")]),
            BaseExceptionGroup("", [SystemExit(3)]),
            asyncio.CancelledError(),
            KeyboardInterrupt(),
            BaseExceptionGroup("", [asyncio.CancelledError(), ValueError("a bug")]),
        ],
    )
    async def test_one_is_logged_with_its_channel_and_consumer_and_ends_nothing(
        self, error: BaseException, caplog: pytest.LogCaptureFixture
    ) -> None:
        layer = MemoryLayer()

        async def fail(message: AsyncMessage) -> None:
            raise error

        async with consuming(layer, route("notify", fail), route("bell", answer)) as supervisor:
            await layer.send("notify", {})
            await layer.send("bell", {"n": 1, "reply_channel": "reply?x"})
            assert await content(layer, "reply?x") == {"got": 1, "on": "bell"}
        assert supervisor.statistics().consumed == {("notify", "error"): 1, ("bell", "ok"): 1}
        (record,) = [it for it in caplog.records if "failed" in it.message]
        assert record.message.endswith("fail of channel notify failed")
        assert record.exc_info

    @pytest.mark.parametrize("in_group", [False, True])
    async def test_consume_later_puts_the_message_back_until_it_was_put_back_too_often(
        self, in_group: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        layer = MemoryLayer()
        seen: list[tuple[Any, bool]] = []

        async def later(message: AsyncMessage) -> None:
            seen.append((message.get(RETRIES_KEY), hasattr(message, "__doomed__")))
            message["changed"] = True
            if in_group:
                async with trio.open_nursery() as nursery:

                    @nursery.start_soon
                    async def child() -> None:
                        raise ConsumeLater

            raise ConsumeLater

        async with consuming(layer, route("notify", later)) as supervisor:
            await layer.send("notify", {"n": 1})
            await trio.sleep(10)
        assert seen == [(None, False), *((n, n == MESSAGE_RETRIES) for n in range(1, MESSAGE_RETRIES + 1))]
        consumed = supervisor.statistics().consumed
        assert consumed == {("notify", "later"): MESSAGE_RETRIES, ("notify", "dropped"): 1}
        assert "put back 10 times and is dropped" in caplog.text

    async def test_what_is_put_back_keeps_what_the_consumer_has_changed(self) -> None:
        layer = MemoryLayer()

        async def later(message: AsyncMessage) -> None:
            message["changed"] = True
            supervisor.drain()
            raise ConsumeLater

        async with consuming(layer, route("notify", later)) as supervisor:
            await layer.send("notify", {"n": 1})
            await trio.sleep(1)
        assert await content(layer, "notify") == {"n": 1, "changed": True, RETRIES_KEY: 1}

    async def test_a_channel_that_is_full_is_waited_for_to_put_a_message_back(self) -> None:
        layer = MemoryLayer(capacity=1)

        async def later(message: AsyncMessage) -> None:
            supervisor.drain()
            await layer.send("notify", {"n": "in the way"})
            raise ConsumeLater

        async with consuming(layer, route("notify", later)) as supervisor:
            await layer.send("notify", {"n": 1})
            await trio.sleep(1)
            assert await content(layer, "notify") == {"n": "in the way"}
        assert await content(layer, "notify") == {"n": 1, RETRIES_KEY: 1}

    async def test_one_for_which_there_is_no_room_is_given_up_and_told(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        layer = MemoryLayer(capacity=1)

        async def later(message: AsyncMessage) -> None:
            supervisor.drain()
            await layer.send("notify", {"n": "in the way"})
            raise ConsumeLater

        async with consuming(layer, route("notify", later), REPLY_TIMEOUT=2) as supervisor:
            await layer.send("notify", {"n": 1})
            await trio.sleep(1)
        assert "ConsumeLater could not be done within 2 s" in caplog.text
        assert supervisor.statistics().consumed == {("notify", "error"): 1}

    @pytest.mark.parametrize("error", [DenyConnection(), ExceptionGroup("", [DenyConnection()])])
    @pytest.mark.parametrize("reply_channel", [REPLY, REPLY.encode()])  # text, and what Python 2 may send
    async def test_deny_connection_closes_the_websocket(
        self, error: Exception, reply_channel: str | bytes
    ) -> None:
        layer = MemoryLayer()

        async def deny(message: AsyncMessage) -> None:
            raise error

        async with consuming(layer, route("websocket.connect", deny)) as supervisor:
            await layer.send("websocket.connect", {"reply_channel": reply_channel})
            assert await content(layer, "websocket.send!") == {"close": True}
        assert supervisor.statistics().consumed == {("websocket.connect", "denied"): 1}

    @pytest.mark.parametrize("fields", [{}, {"reply_channel": "reply?x"}])
    async def test_deny_connection_elsewhere_is_a_mistake(
        self, fields: dict[str, Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        layer = MemoryLayer()

        async def deny(message: AsyncMessage) -> None:
            raise DenyConnection

        async with consuming(layer, route("notify", deny)) as supervisor:
            await layer.send("notify", fields)
            await trio.sleep(1)
        assert layer.pending("reply?x") == 0
        assert supervisor.statistics().consumed == {("notify", "error"): 1}
        assert "DenyConnection is for websocket.connect alone" in caplog.text

    async def test_a_bug_beside_an_order_is_logged_and_the_order_obeyed(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        layer = MemoryLayer()

        async def both(message: AsyncMessage) -> None:
            raise ExceptionGroup("", [ExceptionGroup("", [DenyConnection()]), ValueError("a bug")])

        async with consuming(layer, route("websocket.connect", both)):
            await layer.send("websocket.connect", {"reply_channel": REPLY})
            assert await content(layer, "websocket.send!") == {"close": True}
        assert "a bug" in caplog.text


@pytest.mark.parametrize("given", [None, 5, ["list"], b"bytes"])
async def test_what_is_no_message_is_logged_and_harmless(
    given: Any, caplog: pytest.LogCaptureFixture
) -> None:
    layer = MemoryLayer()
    layer.put_payload("notify", b"\xc1" if given is None else msgpack.packb(given))
    async with consuming(layer, route("notify", answer)) as supervisor:
        await layer.send("notify", {"n": 1, "reply_channel": "reply?x"})
        assert await content(layer, "reply?x") == {"got": 1, "on": "notify"}
    assert supervisor.statistics().consumed == {("notify", "bad"): 1, ("notify", "ok"): 1}
    assert "bad message on notify" in caplog.text


async def test_a_message_that_is_nested_beyond_all_bounds_is_harmless(
    caplog: pytest.LogCaptureFixture,
) -> None:
    layer = MemoryLayer()
    for depth in (300, 600, 900, 5000):
        layer.put_payload("notify", b"\x81\xa1n" * depth + b"\x01")
    async with consuming(layer, route("notify", answer)) as supervisor:
        await layer.send("notify", {"n": 1, "reply_channel": "reply?x"})
        assert await content(layer, "reply?x") == {"got": 1, "on": "notify"}
    assert supervisor.statistics().consumed["notify", "ok"] == 1


async def test_a_filter_that_fails_over_a_value_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    layer = MemoryLayer()
    async with consuming(layer, route("notify", answer, kind="^mail$")) as supervisor:
        await layer.send("notify", {"n": 1, "kind": 5})
        await layer.send("notify", {"n": 1, "kind": "mail", "reply_channel": "reply?x"})
        await content(layer, "reply?x")
    assert supervisor.statistics().consumed == {("notify", "error"): 1, ("notify", "ok"): 1}
    assert "the routing failed over a message on notify" in caplog.text


async def test_what_is_async_is_seen_through_partials_methods_and_objects() -> None:
    class Object:
        async def __call__(self, message: Any) -> None: ...

        async def method(self, message: Any) -> None: ...

    class Plain:
        def __init__(self, message: Any) -> None: ...

    async def with_more(message: Any, more: int) -> None: ...

    found = [Object(), Object().method, functools.partial(with_more, more=1), with_more]
    assert [is_async(it) for it in found] == [True] * 4
    assert [is_async(it) for it in (Plain, Object, len, lambda message: None)] == [False] * 4


async def test_channel_and_group_of_a_consumer_that_has_full_channels() -> None:
    layer = MemoryLayer(capacity=1)
    seen: list[Any] = []

    async def send(message: AsyncMessage) -> None:
        await Channel("full").send({"n": 1})
        with pytest.raises(ChannelFull):
            await Channel("full").send({"n": 2}, immediately=True)
        await Group("room").send({"n": 3})
        seen.append("passed over")
        await Channel("full").send({"n": 4})
        seen.append("waited for")

    async with consuming(layer, route("notify", send)):
        await layer.group_add("room", "full")
        await layer.send("notify", {})
        await trio.sleep(1)
        assert seen == ["passed over"]
        assert await content(layer, "full") == {"n": 1}
        assert await content(layer, "full") == {"n": 4}
    assert seen == ["passed over", "waited for"]


async def test_websocket_close_exception_closes_with_its_code() -> None:
    layer, sync_layer = MemoryLayer(), ChannelLayer()

    async def close(message: AsyncMessage) -> None:
        raise WebsocketCloseException(4001)

    async with consuming(layer, route("websocket.receive", close), sync_layer=sync_layer) as supervisor:
        await layer.send("websocket.receive", {"reply_channel": REPLY})
        while not supervisor.statistics().consumed:
            await trio.testing.wait_all_tasks_blocked()
    assert sync_layer.receive(["websocket.send!"]) == (REPLY, {"close": 4001})
