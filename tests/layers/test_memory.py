"""What the in-memory layer has beyond the contract: expiry on Trio's clock, and doors for tests."""

from __future__ import annotations

import pytest
import trio

from server_trio.errors import ChannelFull
from server_trio.layers.base import Received
from server_trio.layers.memory import MemoryLayer


@pytest.mark.autojump
async def test_messages_expire_by_the_clock_of_trio() -> None:
    layer = MemoryLayer(expiry=60)
    await layer.send("in", {"n": 1})
    await trio.sleep(59)
    await layer.send("in", {"n": 2})
    assert layer.pending("in") == 2
    await trio.sleep(1)
    assert await layer.receive(0, ["in"], 10) == [Received("in", {"n": 2})]
    assert layer.pending("in") == 0


@pytest.mark.autojump
async def test_expired_messages_make_room() -> None:
    layer = MemoryLayer(expiry=60, capacity=1)
    await layer.send("in", {})
    await trio.sleep(60)
    await layer.send("in", {})
    with pytest.raises(ChannelFull):
        layer.send_nowait("in", {})


@pytest.mark.autojump
async def test_members_leave_a_group_by_the_clock_of_trio() -> None:
    layer = MemoryLayer(group_expiry=100)
    await layer.group_add("room", "reply?old")
    await trio.sleep(101)
    await layer.group_add("room", "reply?new")
    await layer.group_send("room", {"n": 1})
    assert layer.pending("reply?old") == 0
    assert layer.pending("reply?new") == 1


async def test_capacities_follow_patterns() -> None:
    layer = MemoryLayer(capacity=3, channel_capacity={"daphne.response*": 1})
    await layer.send("daphne.response.a!x", {})
    with pytest.raises(ChannelFull):
        await layer.send("daphne.response.a!y", {})
    for _ in range(3):
        await layer.send("in", {})


async def test_any_bytes_can_be_laid_on_a_channel() -> None:
    layer = MemoryLayer()
    layer.put_payload("in", b"\xc1")
    layer.put_payload("in", b"\x07")
    broken, number = await layer.receive(0, ["in"], 10)
    assert broken.content is None
    assert broken.fault
    assert number == Received("in", 7)


async def test_receive_nowait_returns_what_is_there() -> None:
    layer = MemoryLayer()
    assert layer.receive_nowait(["in"], 5) == []
    layer.send_nowait("in", {"n": 1})
    assert layer.receive_nowait(["in"], 5) == [Received("in", {"n": 1})]
