"""A command whose stdin lies in pieces on a channel of its own, as that of a large body does."""

from __future__ import annotations

import pytest

from server_trio.layers.memory import MemoryLayer

from .command_support import run

CHANNEL = "http.request.body?abc"
CAT = {"argv": ["cat"], "content_type": "text/plain"}


async def layer_with(*pieces: dict[str, object]) -> MemoryLayer:
    layer = MemoryLayer(capacity=1000)
    for piece in pieces:
        await layer.send(CHANNEL, piece)
    return layer


async def test_the_pieces_are_its_input() -> None:
    piece = {"content": b"x" * 512 * 1024, "more_content": True}
    layer = await layer_with(*[piece] * 20, {"content": b"end", "more_content": False})
    size = 3 + 20 * 512 * 1024 + 3
    answer = await run(CAT, layer=layer, stdin=b"one", body_channel=CHANNEL, content_length=size)
    assert answer.status == 200
    assert answer.body == b"one" + b"x" * (size - 6) + b"end"


@pytest.mark.parametrize(
    ("last", "problem"),
    [
        ({"closed": True}, b"has gone"),
        ({"content": b"two", "more_content": False}, b"after 6 of 9 bytes"),
    ],
)
async def test_input_that_does_not_come_whole_is_an_error(last: dict[str, object], problem: bytes) -> None:
    layer = await layer_with({"content": b"one", "more_content": True}, last)
    count = {"argv": ["wc", "-c"], "content_type": "text/plain"}
    answer = await run(count, layer=layer, body_channel=CHANNEL, content_length=9)
    assert answer.status == 400
    assert problem in answer.body
