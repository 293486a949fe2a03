"""The supervisor answers in the form that is asked for: also errors, also bad messages, also nothing."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import trio

from server_trio.layers.memory import MemoryLayer
from server_trio.resolving import resolve
from tests.server.test_supervisor import DAPHNE, ask, message_v2, nothing_more, serving

pytestmark = pytest.mark.autojump


def fire(**fields: Any) -> dict[str, Any]:
    """A message of one that waits for nothing."""
    message = message_v2(reply_format="none", **fields)
    del message["reply_channel"]
    return message


@pytest.mark.parametrize("path", ["/1", "/broken", "/bug"])
async def test_a_websocket_gets_frames(path: str) -> None:
    layer = MemoryLayer()
    async with serving(layer):
        (answer,) = await ask(layer, message_v2(url=f"http://upstream{path}", reply_format="websocket"))
    if path == "/1":
        assert answer == {"bytes": b"done"}  # no Content-Type says that it is text
    else:
        assert json.loads(answer["text"])["status"] == {"/broken": 502, "/bug": 500}[path]


async def test_a_channel_of_the_project_gets_messages_deadlines_included() -> None:
    layer = MemoryLayer()
    async with serving(layer):
        whole, late = await ask(
            layer,
            message_v2(url="http://upstream/1", reply_format="message", id="1" * 32),
            message_v2(url="http://upstream/never", reply_format="message", id="2" * 32, timeout=20),
        )
    assert (whole["id"], whole["status"], whole["content"], whole["index"]) == ("1" * 32, 200, b"done", 0)
    assert (late["id"], late["status"], late["index"]) == ("2" * 32, 504, 0)
    assert "deadline" in late["error"]


async def test_bad_messages_are_refused_in_their_form() -> None:
    layer = MemoryLayer()
    async with serving(layer) as supervisor:
        frame, piece = await ask(
            layer,
            message_v2(url="no url", reply_format="websocket", id="1" * 32),
            message_v2(url="no url", reply_format="message", id="2" * 32),
        )
        await layer.send("request.async", fire(url="no url"))
        assert await nothing_more(layer)
    assert json.loads(frame["text"])["id"] == "1" * 32
    assert (piece["id"], piece["operation"], piece["status"]) == ("2" * 32, None, 500)
    assert "understood" in piece["error"]
    assert supervisor.statistics().bad_messages == 3


async def test_nobody_is_answered_who_waits_for_nothing_but_outcomes_count(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    layer = MemoryLayer()
    async with serving(layer, resolve({"DEADLINES": {"REQUEST": 3}}, {}, {})) as supervisor:
        for path in ("/1", "/broken", "/never"):
            await layer.send("request.async", fire(url=f"http://upstream{path}"))
        await trio.sleep(5)
        with trio.move_on_after(1) as scope:
            await layer.receive(0, [DAPHNE], 1)
        assert scope.cancelled_caught
    statistics = supervisor.statistics()
    assert statistics.finished == {
        ("REQUEST", "ok"): 1,
        ("REQUEST", "upstream_error"): 1,
        ("REQUEST", "timeout"): 1,
    }
    assert (statistics.replies_lost, statistics.bytes_out) == (0, 0)
    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warned) == 2
    assert "connection refused" in warned[0]
