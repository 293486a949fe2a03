"""Answers to a channel that nobody reads: the log must say that, and not blame the upstream."""

from __future__ import annotations

import time

import pytest
import trio

from server_trio import unread
from server_trio.layers.memory import MemoryLayer
from server_trio.resolving import resolve

from .test_supervisor import DAPHNE, message_v2, serving

pytestmark = pytest.mark.autojump


async def test_an_answer_to_a_channel_that_nobody_reads_is_told_as_that(
    caplog: pytest.LogCaptureFixture,
) -> None:
    layer = MemoryLayer(channel_capacity={"report.done": 1})
    question = message_v2(reply_channel="report.done", reply_format="message", timeout=20.0)
    async with serving(layer) as supervisor:
        await layer.send("request.async", question)
        await layer.send("request.async", question)
        await trio.sleep(60)  # of trio's own clock: the deadline and REPLY_TIMEOUT are over
    assert supervisor.statistics().finished == {("REQUEST", "ok"): 1, ("REQUEST", "reply_lost"): 1}
    assert "channel 'report.done' is full (1 messages); does a consumer read it?" in caplog.text
    assert "upstream took longer" not in caplog.text


async def test_an_answer_that_finds_room_only_after_the_deadline_says_why_it_is_late() -> None:
    layer = MemoryLayer(channel_capacity={"report.done": 1})
    question = message_v2(reply_channel="report.done", reply_format="message", timeout=20.0)
    async with serving(layer):
        await layer.send("report.done", {"content": b"another one's"})
        await layer.send("request.async", question)
        await trio.sleep(20.5)
        await layer.receive(0, ["report.done"], 1)
        (late,) = await layer.receive(0, ["report.done"], 1)
    assert late.content["status"] == 504
    assert late.content["error"] == "the answer could not be sent before the operation's deadline"


async def test_expired_operations_of_a_daphne_that_reads_nothing_do_not_keep_the_places_of_others() -> None:
    layer = MemoryLayer(channel_capacity={"daphne.response.dead!": 1, "request.async": 1000})
    settings = resolve({"CONCURRENCY": {"total": 10}}, {}, {})
    async with serving(layer, settings) as supervisor:
        await layer.send("daphne.response.dead!0", {"content": b"the last that finds room"})
        old = {"timeout": 1.0, "sent_at": time.time() - 2}
        for number in range(200):
            dead = message_v2(reply_channel=f"daphne.response.dead!{number}", **old)
            await layer.send("request.async", dead)
        fresh = message_v2()
        await layer.send("request.async", fresh)
        with trio.fail_after(15):  # at 5 s for each ten of them it would be 100
            (answer,) = await layer.receive(0, [DAPHNE], 1)
        assert answer.content["status"] == 200
        # Somebody reads again: what comes later than the memory of it has its time.
        await trio.sleep(unread.MEMORY + 1)
        await layer.send("request.async", message_v2(reply_channel="daphne.response.dead!x", **old))
        await trio.sleep(3)
        await layer.receive(0, ["daphne.response.dead!"], 1)
        (late,) = await layer.receive(0, ["daphne.response.dead!"], 1)
        assert (late.channel, late.content["status"]) == ("daphne.response.dead!x", 504)
    assert supervisor.statistics().finished["REQUEST", "reply_lost"] == 200


async def test_how_many_unread_channels_are_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread, "REMEMBERED", 2)
    them = unread.Unread()
    for name in ("a!1", "b!1", "c!1"):
        them.note(name)
    assert [name in them for name in ("a!2", "b!2", "c!2", None)] == [False, True, True, False]
