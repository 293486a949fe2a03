"""Passing a body of several pieces on: the next are received while one is being sent."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from server_trio.errors import SendUnknown, TakenOver, UpstreamError, UpstreamTruncated
from server_trio.failures import forget_frames
from server_trio.http.session import Session
from server_trio.layers.memory import MemoryLayer
from server_trio.limits import MAX_REPLY_CHUNK, HttpLimits, KiB
from server_trio.operations.passing import _Passage, pass_on
from server_trio.replies import HttpReply, ReplyState

pytestmark = pytest.mark.autojump

DAPHNE = "daphne.response.abcdefghij!"
HEAD = b"HTTP/1.1 200 OK\r\n"
PIECE = 64 * KiB


class Upstream:
    """Answers one request with what `script` sends; a byte is taken from it when the server receives it."""

    def __init__(self, script: Callable[[Upstream], Awaitable[None]], nursery: trio.Nursery) -> None:
        self.taken = 0  # bytes of the body
        self._script = script
        self._nursery = nursery
        self._stream: trio.abc.Stream | None = None

    async def open_stream(self, origin: Any) -> trio.abc.Stream:
        ours, self._stream = trio.testing.lockstep_stream_pair()
        self._nursery.start_soon(self._play)
        return ours

    async def _play(self) -> None:
        assert self._stream is not None
        async with self._stream:
            await self._stream.receive_some()
            try:
                await self._script(self)
            except trio.BrokenResourceError:
                return  # the server has let go

    async def head(self, *lines: bytes) -> None:
        assert self._stream is not None
        await self._stream.send_all(HEAD + b"".join(line + b"\r\n" for line in lines) + b"\r\n")

    async def send(self, content: bytes) -> None:
        assert self._stream is not None
        for begin in range(0, len(content), KiB):
            await self._stream.send_all(content[begin : begin + KiB])
            self.taken += len(content[begin : begin + KiB])


class Passing:
    """One response that is passed on to a channel of `layer`."""

    def __init__(self, layer: MemoryLayer, upstream: Upstream, http: Session) -> None:
        self.layer = layer
        self.upstream = upstream
        self.reply = HttpReply(layer, DAPHNE + "klmnopqrst")
        self._http = http

    async def run(self) -> None:
        async with self._http.stream("GET", "http://upstream.example/") as response:
            await pass_on(response, response.headers, self.reply)

    async def message(self) -> dict[str, Any]:
        [received] = await self.layer.receive(0, [DAPHNE], 1)
        content: dict[str, Any] = received.content
        return content

    async def rest(self) -> list[dict[str, Any]]:
        """What there is on the channel, and what comes while it is read, to the last."""
        messages = [await self.message()]
        while messages[-1]["more_content"]:
            messages.append(await self.message())
        return messages


@asynccontextmanager
async def passing(
    script: Callable[[Upstream], Awaitable[None]], layer: MemoryLayer | None = None
) -> AsyncIterator[Passing]:
    async with trio.open_nursery() as nursery:
        upstream = Upstream(script, nursery)
        async with Session(HttpLimits(), open_stream=upstream.open_stream) as http:
            yield Passing(layer or MemoryLayer(capacity=1), upstream, http)
        nursery.cancel_scope.cancel()


def joined(messages: list[dict[str, Any]]) -> bytes:
    return b"".join(message["content"] for message in messages)


CONTENT = bytes(range(256)) * (5 * MAX_REPLY_CHUNK // 256) + b"the end"


async def whole(upstream: Upstream) -> None:
    await upstream.head(b"Content-Length: %d" % len(CONTENT))
    await upstream.send(CONTENT)


async def endless(upstream: Upstream) -> None:
    await upstream.head()
    while True:
        await upstream.send(b"x" * PIECE)


async def test_every_byte_arrives_once_and_in_order_in_few_messages() -> None:
    async with passing(whole) as it, trio.open_nursery() as nursery:
        nursery.start_soon(it.run)
        messages = []
        while not messages or messages[-1]["more_content"]:
            await trio.sleep(1)  # until no more is received ahead
            messages.append(await it.message())
    assert joined(messages) == CONTENT
    assert max(len(message["content"]) for message in messages) <= MAX_REPLY_CHUNK
    assert len(messages) <= 9  # and not one for each of the 2561 pieces in which it came
    assert ["status" in message for message in messages] == [True] + [False] * (len(messages) - 1)
    assert it.reply.state is ReplyState.FINISHED


async def test_while_nobody_reads_no_more_than_a_chunk_is_received_ahead() -> None:
    async with passing(endless) as it, trio.open_nursery() as nursery:
        nursery.start_soon(it.run)
        await trio.sleep(10)
        on_the_channel = len((await it.message())["content"])
        stuck = on_the_channel + 1 * KiB  # and the piece that followed waits for room on the channel
        assert it.upstream.taken <= stuck + MAX_REPLY_CHUNK
        await trio.sleep(10)
        second = len((await it.message())["content"])
        await trio.sleep(10)
        third = len((await it.message())["content"])
        assert MAX_REPLY_CHUNK // 2 < third <= MAX_REPLY_CHUNK
        assert it.upstream.taken <= on_the_channel + second + third + 2 * MAX_REPLY_CHUNK
        nursery.cancel_scope.cancel()


async def test_what_came_before_an_upstream_breaks_off_goes_out_first() -> None:
    async def break_off(upstream: Upstream) -> None:
        await upstream.head(b"Content-Length: 100000")
        for _ in range(3):
            await upstream.send(b"x" * KiB)

    async with passing(break_off) as it, trio.open_nursery() as nursery:
        messages = []

        async def read() -> None:
            while True:
                await trio.sleep(1)
                messages.append(await it.message())

        nursery.start_soon(read)
        with pytest.raises(UpstreamTruncated):
            await it.run()
        await trio.sleep(2)
        nursery.cancel_scope.cancel()
    assert joined(messages) == b"x" * 3 * KiB
    assert all(message["more_content"] for message in messages)
    assert it.reply.state is ReplyState.STARTED


async def test_what_came_together_with_an_error_goes_out_first() -> None:
    async def err(upstream: Upstream) -> None:
        await upstream.head(b"Transfer-Encoding: chunked")
        await upstream.send(b"3\r\nthe\r\n")
        await trio.sleep(1)
        await upstream.send(b"6\r\n start\r\nno number\r\n")
        await trio.sleep_forever()

    async with passing(err, MemoryLayer()) as it:
        with pytest.raises(UpstreamError):
            await it.run()
        assert joined([await it.message() for _ in range(it.layer.pending(DAPHNE))]) == b"the start"
        assert it.reply.state is ReplyState.STARTED


async def test_what_is_under_way_at_the_deadline_is_not_sent_later() -> None:
    async with passing(endless) as it:
        with trio.move_on_after(10) as scope:
            await it.run()
        assert scope.cancelled_caught
        assert it.upstream.taken > KiB  # received, and not sent
        assert len((await it.message())["content"]) == it.reply.bytes_sent
        await trio.sleep(10)
        assert it.layer.pending(DAPHNE) == 0
        assert it.reply.state is ReplyState.STARTED
        assert "is full" in it.reply.held_up_by


async def test_an_upstream_that_is_late_is_not_taken_for_a_channel_that_was_full() -> None:
    async def stand_still(upstream: Upstream) -> None:
        await upstream.head()
        await upstream.send(b"x" * 3 * KiB)
        await trio.sleep_forever()

    async with passing(stand_still) as it, trio.open_nursery() as nursery:

        async def read() -> None:
            while True:
                await trio.sleep(1)
                await it.message()

        nursery.start_soon(read)
        with trio.move_on_after(10) as scope:
            await it.run()
        assert scope.cancelled_caught
        assert it.reply.bytes_sent == 3 * KiB
        assert it.reply.held_up_by == ""
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("kind", [b"text/event-stream", b"application/octet-stream"])
async def test_what_has_come_goes_out_though_nothing_follows(kind: bytes) -> None:
    async def events(upstream: Upstream) -> None:
        await upstream.head(b"Content-Type: " + kind)
        for number in range(3):
            await upstream.send(b"data: %d\n\n" % number)
            await trio.sleep(60)
        await upstream.send(b"data: 3\n\n")
        await upstream.send(b"data: 4\n\n")
        await trio.sleep_forever()

    async with passing(events, MemoryLayer()) as it, trio.open_nursery() as nursery:
        nursery.start_soon(it.run)
        for number in range(3):
            assert (await it.message())["content"] == b"data: %d\n\n" % number
            assert trio.current_time() < 60 * number + 1
        last = (await it.message())["content"]
        while not last.endswith(b"data: 4\n\n"):
            last += (await it.message())["content"]
        assert trio.current_time() < 60 * 3 + 1
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("failure", [SendUnknown("perhaps"), TakenOver("another server")])
async def test_a_reply_that_is_lost_ends_it_though_the_upstream_is_silent(failure: Exception) -> None:
    class Failing(MemoryLayer):
        async def send(self, channel: str, message: Any, **journal: Any) -> None:
            await super().send(channel, message, **journal)
            if "status" not in message:
                raise failure

    async def go_silent(upstream: Upstream) -> None:
        await upstream.head()
        await upstream.send(b"x" * 3 * KiB)
        await trio.sleep_forever()

    async with passing(go_silent, Failing()) as it:
        with trio.fail_after(1), pytest.raises(type(failure)):
            await it.run()
        assert it.reply.state is ReplyState.LOST


async def test_of_a_cancelled_message_it_is_told_that_its_fate_is_unknown() -> None:
    class Doubtful(MemoryLayer):
        async def send(self, channel: str, message: Any, **journal: Any) -> None:
            try:
                await trio.sleep_forever()
            except trio.Cancelled:
                raise SendUnknown("it had left") from None

    async with passing(endless, Doubtful()) as it:
        with trio.move_on_after(10), pytest.raises(SendUnknown):
            await it.run()
        assert it.reply.state is ReplyState.LOST


async def test_neither_failure_leaves_bodies_for_the_collector() -> None:
    class Lost(MemoryLayer):
        async def send(self, channel: str, message: Any, **journal: Any) -> None:
            raise SendUnknown("perhaps")

    async def break_off(upstream: Upstream) -> None:
        await upstream.head(b"Content-Length: 100000")
        await upstream.send(b"x" * KiB)

    async def fail(layer: MemoryLayer) -> None:
        async with passing(break_off, layer) as it:
            try:
                await it.run()
            except SendUnknown:
                pass
            except UpstreamTruncated as error:
                forget_frames(error)  # as Running does

    for layer in Lost(), MemoryLayer():
        await fail(layer)
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            await fail(layer)
            gc.collect()
            assert not [each for each in gc.garbage if type(each) is _Passage]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()


class CountTasks(trio.abc.Instrument):
    def __init__(self) -> None:
        self.number = 0

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        self.number += 1


@pytest.mark.parametrize("together", [True, False])
async def test_a_small_answer_needs_no_task_beside_its_own(together: bool) -> None:
    async def small(upstream: Upstream) -> None:
        assert upstream._stream is not None
        head = HEAD + b"Content-Length: 2\r\n\r\n"
        await upstream._stream.send_all(head + b"ok" * together)
        if not together:
            await upstream._stream.send_all(b"ok")

    async with passing(small) as it:
        counter = CountTasks()
        trio.lowlevel.add_instrument(counter)
        await it.run()
        trio.lowlevel.remove_instrument(counter)
        assert counter.number == 1  # the upstream
        assert await it.rest() == [
            {"status": 200, "headers": [[b"Content-Length", b"2"]], "content": b"ok", "more_content": False}
        ]


async def test_the_end_that_comes_after_the_last_piece_is_a_message_of_its_own_where_that_has_gone() -> None:
    async def chunked(upstream: Upstream) -> None:
        await upstream.head(b"Transfer-Encoding: chunked")
        await upstream.send(b"2\r\nok\r\n")
        await trio.sleep(5)
        await upstream.send(b"0\r\n\r\n")

    async with passing(chunked, MemoryLayer()) as it, trio.open_nursery() as nursery:
        nursery.start_soon(it.run)
        messages = await it.rest()
    assert [message["content"] for message in messages] == [b"ok", b""]
