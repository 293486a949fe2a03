"""Replies: what goes to daphne, in which states, and what happens while the channel is full."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from server_trio.errors import ChannelFull, LayerUnavailable, SendUnknown
from server_trio.layers.memory import MemoryLayer
from server_trio.limits import MAX_REPLY_CHUNK
from server_trio.replies import HttpReply, ReplyState

pytestmark = pytest.mark.autojump

CHANNEL = "daphne.response.abcdefghij!klmnopqrst"


async def sent_to(layer: MemoryLayer) -> list[dict[str, Any]]:
    """All messages that wait on the reply channel."""
    messages = []
    with trio.move_on_after(1):
        while True:
            messages += [
                entry.content for entry in await layer.receive(0, ["daphne.response.abcdefghij!"], 100)
            ]
    return messages


async def test_a_whole_response_is_one_message() -> None:
    layer = MemoryLayer()
    reply = HttpReply(layer, CHANNEL)
    await reply.start(200, [(b"x-a", b"1"), (b"x-a", b"2")], b"body")
    expected = {
        "status": 200,
        "headers": [[b"x-a", b"1"], [b"x-a", b"2"]],
        "content": b"body",
        "more_content": False,
    }
    assert await sent_to(layer) == [expected]
    assert (reply.state, reply.status, reply.bytes_sent) == (ReplyState.FINISHED, 200, 4)


async def test_a_stream_is_a_start_and_chunks_of_which_only_the_last_says_so() -> None:
    layer = MemoryLayer()
    reply = HttpReply(layer, CHANNEL)
    await reply.start(200, [], b"1", more=True)
    await reply.write(b"2", more=True)
    await reply.end()
    messages = await sent_to(layer)
    assert [message["content"] for message in messages] == [b"1", b"2", b""]
    assert [message["more_content"] for message in messages] == [True, True, False]
    assert ["status" in message for message in messages] == [True, False, False]


@pytest.mark.parametrize("in_start", [True, False])
async def test_no_message_is_larger_than_a_chunk(in_start: bool) -> None:
    layer = MemoryLayer()
    reply = HttpReply(layer, CHANNEL)
    content = bytes(range(256)) * (MAX_REPLY_CHUNK // 100)
    if in_start:
        await reply.start(200, [], content)
    else:
        await reply.start(200, [], more=True)
        await reply.write(content, more=False)
    messages = await sent_to(layer)
    assert b"".join(message["content"] for message in messages) == content
    assert max(len(message["content"]) for message in messages) <= MAX_REPLY_CHUNK
    assert [message["more_content"] for message in messages] == [True] * (len(messages) - 1) + [False]
    assert reply.state is ReplyState.FINISHED


@pytest.mark.parametrize(("status", "head"), [(200, True), (204, False), (304, False)])
async def test_a_response_without_a_body_is_exactly_one_empty_message(status: int, head: bool) -> None:
    layer = MemoryLayer()
    reply = HttpReply(layer, CHANNEL, bodiless=head)
    await reply.start(status, [(b"content-length", b"10")], b"01234", more=True)
    await reply.write(b"56789", more=False)
    await reply.end()
    messages = await sent_to(layer)
    assert [(message["content"], message["more_content"]) for message in messages] == [(b"", False)]


async def test_a_reply_refuses_what_its_state_does_not_allow() -> None:
    reply = HttpReply(MemoryLayer(), CHANNEL)
    with pytest.raises(RuntimeError, match="nothing sent"):
        await reply.write(b"x", more=True)
    await reply.start(200, [], more=True)
    with pytest.raises(RuntimeError, match="started"):
        await reply.start(200, [])
    await reply.end()
    with pytest.raises(RuntimeError, match="finished"):
        await reply.start(200, [])
    with pytest.raises(RuntimeError, match="finished"):
        await reply.write(b"x", more=False)


async def test_ending_a_reply_that_has_not_begun_or_is_finished_sends_nothing() -> None:
    layer = MemoryLayer()
    reply = HttpReply(layer, CHANNEL)
    await reply.end()
    assert await sent_to(layer) == []
    await reply.start(200, [])
    await reply.end()
    assert len(await sent_to(layer)) == 1


async def test_a_full_channel_is_waited_for_until_daphne_has_read() -> None:
    layer = MemoryLayer(capacity=1)
    await layer.send(CHANNEL, {"status": 200, "content": b"somebody else's"})
    async with trio.open_nursery() as nursery:
        nursery.start_soon(HttpReply(layer, CHANNEL).start, 200, [], b"mine")
        await trio.sleep(5)
        first = await sent_to(layer)
        await trio.sleep(5)
        second = await sent_to(layer)
    assert [message["content"] for message in first + second] == [b"somebody else's", b"mine"]


@pytest.mark.parametrize("failure", [ChannelFull("full"), LayerUnavailable("away")])
async def test_waiting_for_the_layer_ends_with_the_callers_scope(failure: Exception) -> None:
    class Failing(MemoryLayer):
        async def send(self, channel: str, message: Any, **journal: Any) -> None:
            raise failure

    reply = HttpReply(Failing(), CHANNEL)
    with trio.move_on_after(10) as scope:
        await reply.start(200, [])
    assert scope.cancelled_caught
    assert reply.state is ReplyState.NOTHING


async def test_a_message_of_unknown_fate_is_not_sent_again_and_nothing_follows_it() -> None:
    class Doubtful(MemoryLayer):
        async def send(self, channel: str, message: Any, **journal: Any) -> None:
            await super().send(channel, message, **journal)
            raise SendUnknown("the connection broke")

    layer = Doubtful()
    reply = HttpReply(layer, CHANNEL)
    with pytest.raises(SendUnknown):
        await reply.start(200, [], b"1", more=True)
    assert reply.state is ReplyState.LOST
    await reply.end()
    with pytest.raises(RuntimeError, match="lost"):
        await reply.write(b"2", more=False)
    assert len(await sent_to(layer)) == 1
