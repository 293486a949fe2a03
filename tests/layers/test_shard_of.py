"""A channel of one reader is on one shard, and the layer says which: where a body in pieces is read."""

from __future__ import annotations

import pytest
import trio

from .bench import Bench


@pytest.mark.parametrize("pattern", ["http.request.body?{}", "daphne.response.{}!"])
async def test_what_is_sent_to_a_channel_is_received_from_its_shard(bench: Bench, pattern: str) -> None:
    channels = [pattern.format(f"name{number}") for number in range(8)]
    async with bench.open() as layer:
        for channel in channels:
            await layer.send(channel + "x" * channel.endswith("!"), {"n": channel})
        shards = set()
        for channel in channels:
            with trio.fail_after(20):
                [received] = await layer.receive(layer.shard_of(channel), [channel], 1)
            assert received.content["n"] == channel
            shards.add(layer.shard_of(channel + "x" * channel.endswith("!")))
        assert len(shards) > 1 or layer.shards == 1
