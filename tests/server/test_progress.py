"""What is taken for a standstill, and what is not."""

from __future__ import annotations

import time
from typing import Any

import pytest
import trio

from server_trio.layers.memory import MemoryLayer
from server_trio.progress import in_one_line, standstill
from server_trio.resolving import resolve

from .test_supervisor import message_v2, serving

NOW = 1_000_000.0


def report(**more: Any) -> dict[str, Any]:
    well = {
        "state": "running",
        "channels": ["request.async"],
        "in_flight": 2,
        "waiting": 0,
        "consuming": 0,
        "places": {"total": 2, "free": 0},
        "running": [{"deadline_at": NOW + 10}, {"deadline_at": None}],
        "receiving": [{"connected": True, "still": 4.0}, {"connected": True, "still": 0.0}],
    }
    return {**well, **more}


def late(*seconds: float) -> list[dict[str, Any]]:
    return [{"deadline_at": NOW - number} for number in seconds]


@pytest.mark.parametrize(
    "found",
    [
        report(),
        report(receiving=[{"connected": False, "still": 3.0}]),  # Redis is away: it tries again and again
        report(state="draining", receiving=[{"connected": True, "still": 600.0}]),  # nobody receives
        report(running=late(300.0, 5.0)),  # one of them will end
        report(running=late(300.0), places={"total": 2, "free": 1}),  # it can go on
        {},
        {"places": None, "running": "?", "receiving": 3},  # of another release
    ],
)
def test_progress(found: dict[str, Any]) -> None:
    assert standstill(found, NOW) is None


def test_a_receiver_that_hangs_is_named_even_where_another_goes_on() -> None:
    shards = [{"connected": True, "still": 0.0}, {"connected": True, "still": 25.0}]
    assert standstill(report(receiving=shards), NOW) == "receiving from shard 1 stands still for 25 s"


def test_places_that_never_get_free() -> None:
    found = standstill(report(running=late(300.0, 120.0)), NOW)
    assert found == "all places are taken by operations that should have ended 120 s ago"


@pytest.mark.autojump
async def test_the_answer_to_what_was_late_before_it_came_is_no_standstill() -> None:
    layer = MemoryLayer(capacity=1)
    await layer.send("daphne.response.full!x", {"status": 200})
    async with serving(layer, resolve({"CONCURRENCY": {"total": 1}}, {}, {})) as supervisor:
        late = message_v2(sent_at=time.time() - 600, reply_channel="daphne.response.full!y")
        await layer.send("request.async", late)
        await trio.sleep(1)  # of the five for which it is tried to say so
        now = supervisor.reporter.report()
        assert (now["places"]["free"], len(now["running"])) == (0, 1)
        assert standstill(now, time.time()) is None


def test_one_line() -> None:
    assert in_one_line([]) == "starting"
    assert in_one_line([report()]) == "running: 2 in flight, channels request.async"
    both = [report(waiting=1, consuming=3), report(state="draining")]
    expected = "draining/running: 4 in flight, 1 waiting, 3 consuming, channels request.async, 2 processes"
    assert in_one_line(both) == expected
    assert len(in_one_line([report(channels=["x" * 50] * 10)])) < 200
