"""What is done again and again is done together."""

from __future__ import annotations

import pytest
import trio

from server_trio.rhythm import next_time


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
