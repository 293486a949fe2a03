"""Answers as frames of a WebSocket: one when it is complete, or one an item."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio

from channels_async.frame_rules import MAX_FRAME
from server_trio.errors import AnswerTooLarge, SendUnknown, UpstreamTruncated
from server_trio.layers.memory import MemoryLayer
from server_trio.replies import ReplyState, WebSocketReply
from tests.server.test_replies import CHANNEL, sent_to

pytestmark = pytest.mark.autojump

TEXT = [(b"content-type", b"text/plain; charset=utf-8")]


def reply_on(layer: MemoryLayer) -> WebSocketReply:
    return WebSocketReply(layer, CHANNEL, id="abc", operation="REQUEST")


def error_of(frame: dict[str, Any]) -> Any:
    """What an error frame says; it is one text frame and nothing beside."""
    assert set(frame) == {"text"}
    return json.loads(frame["text"])


async def test_an_answer_in_pieces_is_one_frame_when_it_is_complete() -> None:
    layer = MemoryLayer()
    reply = reply_on(layer)
    await reply.start(200, TEXT, b"caf\xc3", more=True)
    await reply.write(b"\xa9", more=True)
    assert await sent_to(layer) == []
    assert reply.state is ReplyState.STARTED
    await reply.end()
    assert await sent_to(layer) == [{"text": "café"}]
    assert (reply.state, reply.status, reply.bytes_sent) == (ReplyState.FINISHED, 200, 5)


async def test_bytes_stay_bytes() -> None:
    layer = MemoryLayer()
    await reply_on(layer).start(200, [(b"content-type", b"image/png")], b"\x89PNG")
    assert await sent_to(layer) == [{"bytes": b"\x89PNG"}]


async def test_a_stream_is_one_frame_an_item_in_order_as_they_come() -> None:
    layer = MemoryLayer()
    reply = reply_on(layer)
    await reply.start(200, [], "one", more=True, items=True)
    assert await sent_to(layer) == [{"text": "one"}]
    for item in (b"two", "", "three"):
        await reply.write(item, more=True)
    await reply.end()
    assert await sent_to(layer) == [{"bytes": b"two"}, {"text": "three"}]
    assert (reply.state, reply.bytes_sent) == (ReplyState.FINISHED, 11)


@pytest.mark.parametrize("status", [200, 204, 304])
async def test_an_empty_answer_is_no_frame(status: int) -> None:
    layer = MemoryLayer()
    reply = reply_on(layer)
    await reply.start(status, TEXT)
    assert await sent_to(layer) == []
    assert reply.state is ReplyState.FINISHED


async def test_text_among_bytes_becomes_bytes_first() -> None:
    layer = MemoryLayer()
    reply = reply_on(layer)
    await reply.start(200, TEXT, "é", more=True)
    await reply.write(b"!", more=False)
    assert await sent_to(layer) == [{"text": "é!"}]


async def test_an_error_is_a_frame_also_where_a_part_was_held() -> None:
    layer = MemoryLayer()
    reply = reply_on(layer)
    await reply.start(200, TEXT, b"some", more=True)
    await reply.fail(UpstreamTruncated("the body ended early"))
    (frame,) = await sent_to(layer)
    assert error_of(frame) == {"error": "the body ended early", "status": 502, "id": "abc"}
    assert (reply.state, reply.status) == (ReplyState.FINISHED, 502)


async def test_a_stream_that_breaks_ends_with_an_error_frame() -> None:
    layer = MemoryLayer()
    reply = reply_on(layer)
    await reply.start(200, [], "one", more=True, items=True)
    await reply.fail(UpstreamTruncated("the stream broke"))
    one, error = await sent_to(layer)
    assert one == {"text": "one"}
    assert error_of(error)["error"] == "the stream broke"


@pytest.mark.parametrize("items", [True, False])
async def test_what_is_larger_than_a_frame_is_refused_and_not_held(items: bool) -> None:
    layer = MemoryLayer()
    reply = reply_on(layer)
    await reply.start(200, [], b"x" * MAX_FRAME, more=True, items=items)
    with pytest.raises(AnswerTooLarge) as caught:
        await reply.write(b"x" * (MAX_FRAME + items), more=False)
    await reply.fail(caught.value)
    frames = await sent_to(layer)
    assert error_of(frames[-1])["status"] == 502
    assert len(frames) == 1 + items


async def test_frames_wait_for_a_full_channel_and_keep_their_order() -> None:
    layer = MemoryLayer(capacity=1)
    received: list[dict[str, Any]] = []
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def stream() -> None:
            reply = reply_on(layer)
            await reply.start(200, [], "0", more=True, items=True)
            for number in range(1, 5):
                await reply.write(str(number), more=number < 4)

        while len(received) < 5:
            received += await sent_to(layer)
    assert received == [{"text": str(number)} for number in range(5)]


async def test_a_frame_of_unknown_fate_is_not_sent_again() -> None:
    class Doubtful(MemoryLayer):
        async def send(self, channel: str, message: Any, **journal: Any) -> None:
            await super().send(channel, message, **journal)
            raise SendUnknown("the connection broke")

    layer = Doubtful()
    reply = reply_on(layer)
    with pytest.raises(SendUnknown):
        await reply.start(200, TEXT, b"1")
    await reply.fail(UpstreamTruncated("lost"))
    assert reply.state is ReplyState.LOST
    assert len(await sent_to(layer)) == 1
