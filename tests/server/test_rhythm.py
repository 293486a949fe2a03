"""What is done again and again is done together."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from server_trio.layers.base import Message, Queue
from server_trio.layers.memory import MemoryLayer
from server_trio.layers.redis_journal import ShardJournal
from server_trio.rhythm import next_time

from .test_supervisor import serving

ROUND_TRIP = 0.01  # seconds


class Distant(MemoryLayer):
    """A layer that is asked for a while, as Redis is."""

    async def publish(self, report: Message) -> None:
        await trio.sleep(ROUND_TRIP)

    async def queue(self, channel: str) -> Queue:
        await trio.sleep(ROUND_TRIP)
        return Queue(0, 0.0)


class Beats(ShardJournal):
    """A journal's heartbeats, without the journal: when they come."""

    def __init__(self) -> None:
        nowhere: Any = None
        super().__init__(nowhere, 0, nowhere)
        self.moments: list[float] = []

    async def beat(self, *, last: bool = False) -> None:
        self.moments.append(round(trio.current_time(), 3))
        await trio.sleep(ROUND_TRIP)


class Wakings(trio.abc.Instrument):
    """The moments at which any task had something to do, seconds of Trio's clock."""

    def __init__(self) -> None:
        self.moments: set[float] = set()

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.moments.add(round(trio.current_time(), 3))


@pytest.mark.autojump
async def test_what_began_at_different_times_goes_on_at_the_same() -> None:
    woken: dict[str, list[float]] = {"early": [], "late": []}

    async def repeat(name: str, begin: float, interval: float) -> None:
        await trio.sleep(begin)
        while True:
            await trio.sleep_until(next_time(interval))
            woken[name].append(round(trio.current_time(), 6))

    with trio.move_on_after(6.5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(repeat, "early", 0.2, 1.0)
            nursery.start_soon(repeat, "late", 0.7, 2.0)
    assert woken == {"early": [1, 2, 3, 4, 5, 6], "late": [2, 4, 6]}


@pytest.mark.autojump
@pytest.mark.parametrize("interval", [0.05, 0.1, 0.3, 1.0, 7.0])
async def test_a_rhythm_neither_stands_nor_skips(interval: float) -> None:
    """0.1 is no binary fraction: ten times that is less than one, and a step of nothing would never end."""
    for _ in range(200):
        before = trio.current_time()
        await trio.sleep_until(next_time(interval))
        assert interval / 2 < trio.current_time() - before < interval * 1.5


@pytest.mark.autojump
async def test_an_idle_server_is_woken_once_a_second() -> None:
    wakings = Wakings()
    await trio.sleep(0.4)
    async with serving(Distant()):
        await trio.sleep(0.1)  # it has begun
        trio.lowlevel.add_instrument(wakings)
        await trio.sleep(9.8)
        trio.lowlevel.remove_instrument(wakings)
    assert sorted(wakings.moments - {0.5, 10.3}) == sorted(
        second + after for second in range(1, 11) for after in (0, ROUND_TRIP)
    )


@pytest.mark.autojump
async def test_a_heartbeat_comes_with_the_second_too() -> None:
    await trio.sleep(0.4)
    beats = Beats()
    with trio.move_on_after(5):
        await beats.serve()
    assert beats.moments == [1, 2, 3, 4, 5]
