"""Taking messages: others have their turn while many are begun, and all that is claimed is begun."""

from __future__ import annotations

import itertools

import trio

from server_trio.layers.base import Received
from server_trio.layers.memory import MemoryLayer
from server_trio.receiver import AT_A_TIME, BATCH, Places, receive_forever


async def filled(messages: int) -> MemoryLayer:
    layer = MemoryLayer(capacity=messages)
    for number in range(messages):
        await layer.send("request.async", {"number": number})
    return layer


async def test_others_have_their_turn_while_a_batch_is_begun() -> None:
    layer = await filled(BATCH)
    begun: list[Received] = []
    seen = [0]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive_forever, layer, 0, ["request.async"], Places(BATCH), begun.append)
        with trio.fail_after(5):
            while len(begun) < BATCH:
                await trio.lowlevel.checkpoint()
                seen.append(len(begun))
        nursery.cancel_scope.cancel()
    # Last in one round of the scheduler and first in the next, two slices come between two looks.
    assert max(after - before for before, after in itertools.pairwise(seen)) <= 2 * AT_A_TIME < BATCH


async def test_what_is_claimed_is_begun_though_the_server_drains_meanwhile() -> None:
    layer = await filled(BATCH)
    begun: list[Received] = []
    async with trio.open_nursery() as nursery:

        def begin(received: Received) -> None:
            begun.append(received)
            nursery.cancel_scope.cancel()

        nursery.start_soon(receive_forever, layer, 0, ["request.async"], Places(BATCH), begin)
    assert [received.content["number"] for received in begun] == list(range(BATCH))
