"""Answers as messages on a channel of the project's own, and answers that nobody gets."""

from __future__ import annotations

from typing import Any

import pytest

from server_trio.errors import SendUnknown, UpstreamTruncated
from server_trio.layers.memory import MemoryLayer
from server_trio.limits import MAX_REPLY_CHUNK
from server_trio.replies import MessageReply, NoReply, ReplyState

pytestmark = pytest.mark.autojump

CHANNEL = "process.result"
HEADERS = [(b"x-a", b"1"), (b"x-a", b"2")]


def reply_on(layer: MemoryLayer, **others: Any) -> MessageReply:
    return MessageReply(layer, CHANNEL, id="abc", operation="CALL", **others)


async def sent_to(layer: MemoryLayer) -> list[dict[str, Any]]:
    """All messages that wait on the channel."""
    messages = []
    await layer.send(CHANNEL, {"end": True})
    while not messages or "end" not in messages[-1]:
        messages += [entry.content for entry in await layer.receive(0, [CHANNEL], 100)]
    return messages[:-1]


async def test_a_whole_answer_is_one_message_that_says_what_it_answers() -> None:
    layer = MemoryLayer()
    reply = reply_on(layer)
    await reply.start(201, HEADERS, b"body")
    assert await sent_to(layer) == [
        {
            "id": "abc",
            "operation": "CALL",
            "index": 0,
            "status": 201,
            "headers": [[b"x-a", b"1"], [b"x-a", b"2"]],
            "content": b"body",
            "more_content": False,
        }
    ]
    assert (reply.state, reply.status, reply.bytes_sent) == (ReplyState.FINISHED, 201, 4)


async def test_each_piece_is_understood_alone_and_none_is_larger_than_a_chunk() -> None:
    layer = MemoryLayer()
    reply = reply_on(layer)
    content = bytes(range(256)) * (MAX_REPLY_CHUNK // 100)
    await reply.start(200, HEADERS, b"begin", more=True)
    await reply.write(content, more=True)
    await reply.write("é", more=False)
    pieces = await sent_to(layer)
    assert b"".join(piece["content"] for piece in pieces) == b"begin" + content + "é".encode()
    assert [piece["index"] for piece in pieces] == list(range(len(pieces)))
    assert [piece["more_content"] for piece in pieces] == [True] * (len(pieces) - 1) + [False]
    assert {(piece["id"], piece["status"], len(piece["headers"])) for piece in pieces} == {("abc", 200, 2)}
    assert max(len(piece["content"]) for piece in pieces) == MAX_REPLY_CHUNK


async def test_an_answer_that_comes_in_drops_is_one_message() -> None:
    layer = MemoryLayer()
    reply = reply_on(layer)
    await reply.start(200, HEADERS, b"", more=True)
    for _ in range(100):
        await reply.write(b"drop", more=True)
    await reply.end()
    (piece,) = await sent_to(layer)
    assert (piece["content"], piece["index"], piece["more_content"]) == (b"drop" * 100, 0, False)


async def test_items_are_a_message_each_as_they_come() -> None:
    layer = MemoryLayer()
    reply = reply_on(layer)
    await reply.start(200, [], "one", more=True, items=True)
    assert [piece["content"] for piece in await sent_to(layer)] == [b"one"]
    await reply.write("two", more=True)
    await reply.write("x" * (MAX_REPLY_CHUNK + 1), more=True)
    await reply.end()
    sizes = [len(piece["content"]) for piece in await sent_to(layer)]
    assert sizes == [3, MAX_REPLY_CHUNK, 1, 0]


@pytest.mark.parametrize("begun", [False, True])
async def test_an_error_before_the_first_piece_is_the_answer(begun: bool) -> None:
    layer = MemoryLayer()
    reply = reply_on(layer, site_headers=[(b"set-cookie", b"not=for the channel")])
    if begun:
        await reply.start(200, HEADERS, b"held", more=True)
    await reply.fail(UpstreamTruncated("the body ended early"))
    (piece,) = await sent_to(layer)
    assert (piece["status"], piece["error"]) == (502, "the body ended early")
    assert (piece["index"], piece["more_content"]) == (0, False)
    assert b"the body ended early" in piece["content"]
    assert b"set-cookie" not in dict(piece["headers"])


async def test_an_error_after_the_first_piece_is_a_piece_that_says_so() -> None:
    layer = MemoryLayer()
    reply = reply_on(layer)
    await reply.start(200, HEADERS, b"x" * (MAX_REPLY_CHUNK + 1), more=True)
    await reply.fail(UpstreamTruncated("the body ended early"))
    some, error = await sent_to(layer)
    assert "error" not in some
    assert (error["status"], error["error"]) == (502, "the body ended early")
    assert (error["index"], error["content"], error["more_content"]) == (1, b"", False)
    assert reply.state is ReplyState.FINISHED


async def test_a_piece_of_unknown_fate_is_not_sent_again() -> None:
    class Doubtful(MemoryLayer):
        async def send(self, channel: str, message: Any, **journal: Any) -> None:
            await super().send(channel, message, **journal)
            if "end" not in message:
                raise SendUnknown("the connection broke")

    layer = Doubtful()
    reply = reply_on(layer)
    with pytest.raises(SendUnknown):
        await reply.start(200, [], b"1")
    await reply.fail(UpstreamTruncated("lost"))
    assert reply.state is ReplyState.LOST
    assert len(await sent_to(layer)) == 1


async def test_no_reply_takes_an_answer_and_sends_nothing() -> None:
    class Silent(MemoryLayer):
        async def send(self, channel: str, message: Any, **journal: Any) -> None:
            raise AssertionError("something was sent")

    reply = NoReply(Silent(), "", id="abc", operation="CALL")
    await reply.start(200, HEADERS, b"1", more=True)
    assert reply.state is ReplyState.STARTED
    assert not reply.bodiless  # whoever makes the content makes all of it
    await reply.write("2", more=True)
    await reply.end()
    assert (reply.state, reply.status, reply.bytes_sent) == (ReplyState.FINISHED, 200, 0)
    failed = NoReply(Silent(), "", id="abc", operation="CALL")
    await failed.fail(UpstreamTruncated("the body ended early"))
    assert (failed.state, failed.status) == (ReplyState.FINISHED, 502)
