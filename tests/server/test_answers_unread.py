"""Answers to a channel that nobody reads: the log must say that, and not blame the upstream."""

from __future__ import annotations

import pytest
import trio

from server_trio.layers.memory import MemoryLayer

from .test_supervisor import message_v2, serving

pytestmark = pytest.mark.autojump


async def test_an_answer_to_a_channel_that_nobody_reads_is_told_as_that(
    caplog: pytest.LogCaptureFixture,
) -> None:
    layer = MemoryLayer(channel_capacity={"report.done": 1})
    question = message_v2(reply_channel="report.done", reply_format="message", timeout=2.0)
    async with serving(layer) as supervisor:
        await layer.send("request.async", question)
        await layer.send("request.async", question)
        await trio.sleep(20)  # of trio's own clock: the deadline and REPLY_TIMEOUT are over
    assert supervisor.statistics().finished == {("REQUEST", "ok"): 1, ("REQUEST", "reply_lost"): 1}
    assert "channel 'report.done' is full (1 messages); does a consumer read it?" in caplog.text
    assert "upstream took longer" not in caplog.text


async def test_an_answer_that_finds_room_only_after_the_deadline_says_why_it_is_late() -> None:
    layer = MemoryLayer(channel_capacity={"report.done": 1})
    question = message_v2(reply_channel="report.done", reply_format="message", timeout=2.0)
    async with serving(layer):
        await layer.send("report.done", {"content": b"another one's"})
        await layer.send("request.async", question)
        await trio.sleep(2.5)
        await layer.receive(0, ["report.done"], 1)
        (late,) = await layer.receive(0, ["report.done"], 1)
    assert late.content["status"] == 504
    assert late.content["error"] == "the answer could not be sent before the operation's deadline"
