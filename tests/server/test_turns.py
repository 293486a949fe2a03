"""Limits by operation: who is above one waits in order, and a flood of one leaves room for the others."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
import trio

from channels_async.wire import Operation
from server_trio.errors import TooManyWaiting
from server_trio.layers.memory import MemoryLayer
from server_trio.operations import Context, Function, RunCall
from server_trio.operations.threads import Threads
from server_trio.replies import Reply
from server_trio.resolving import resolve
from server_trio.settings import Settings
from server_trio.supervisor import Supervisor
from server_trio.turns import Turns
from tests.server.test_supervisor import ask, message, nothing_more, replies, serving

pytestmark = pytest.mark.autojump

SECONDS = 10.0  # that a command takes
FULL = "daphne.response.full!x"


def command(number: int = 0, **fields: Any) -> dict[str, Any]:
    """A COMMAND, the same but for its number."""
    common = {"v": 2, "operation": "COMMAND", "id": f"{number:032}", "sent_at": time.time()}
    return {**common, "reply_channel": message()["reply_channel"], "command": "sleep", **fields}


class Commands:
    """A handler that takes its time, and remembers the order of those that it began."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.at_once = 0
        self.most_at_once = 0

    async def run(self, operation: Operation, reply: Reply, context: Context) -> None:
        self.begun.append(int(operation.id))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await trio.sleep(SECONDS)
        self.at_once -= 1
        if operation.reply_channel == FULL:
            reply.completed()
        await reply.start(200, [], b"done")


async def quick(operation: Operation, reply: Reply, context: Context) -> None:
    await reply.start(200, [], b"quick")


def limited(**concurrency: int) -> Settings:
    return resolve({"CONCURRENCY": concurrency}, {}, {})


async def send_commands(layer: MemoryLayer, number: int, **fields: Any) -> list[dict[str, Any]]:
    sent = [command(index, **fields) for index in range(number)]
    for each in sent:
        await layer.send("request.async", each)
    return sent


def serving_both(layer: MemoryLayer, settings: Settings, commands: Commands) -> Any:
    return serving(layer, settings, {"COMMAND": commands.run, "REQUEST": quick})


async def test_what_is_above_its_limit_waits_its_turn_in_order() -> None:
    layer, commands = MemoryLayer(), Commands()
    async with serving_both(layer, limited(COMMAND=2), commands) as supervisor:
        for number in range(6):
            await layer.send("request.async", command(number))
            await trio.sleep(SECONDS / 10)  # what is claimed at one moment has no order
        statistics = supervisor.statistics()
        assert (statistics.in_flight, statistics.waiting) == (6, 4)
        answers = await replies(layer, 6)
    assert {answer["status"] for answer in answers.values()} == {200}
    assert commands.begun == [0, 1, 2, 3, 4, 5]
    assert commands.most_at_once == 2
    assert supervisor.statistics().waiting == 0


async def test_the_deadline_runs_while_it_waits_and_then_it_is_never_begun() -> None:
    layer, commands = MemoryLayer(), Commands()
    async with serving_both(layer, limited(COMMAND=1), commands) as supervisor:
        await layer.send("request.async", command(0))
        await trio.sleep(1)
        (late,) = await ask(layer, command(1, timeout=SECONDS / 2))
        assert late["status"] == 504
        assert b"not begun" in late["content"]
        (done,) = (await replies(layer, 1)).values()
        (later,) = await ask(layer, command(2))
        assert (done["status"], later["status"]) == (200, 200)
    assert commands.begun == [0, 2]
    assert supervisor.statistics().finished == {("COMMAND", "ok"): 2, ("COMMAND", "shed"): 1}


async def test_a_deadline_that_comes_while_it_runs_is_told_as_such() -> None:
    layer, commands = MemoryLayer(), Commands()
    async with serving_both(layer, limited(COMMAND=1), commands) as supervisor:
        (late,) = await ask(layer, command(timeout=SECONDS / 2))
    assert late["status"] == 504
    assert supervisor.statistics().finished == {("COMMAND", "timeout"): 1}


async def test_a_flood_of_one_operation_leaves_places_for_the_others() -> None:
    layer, commands = MemoryLayer(capacity=1000), Commands()
    async with serving_both(layer, limited(total=20, COMMAND=4), commands) as supervisor:
        sent = {each["reply_channel"]: each for each in await send_commands(layer, 200)}
        (answer, *refused) = await wait_for(layer, message())
        assert answer["content"] == b"quick"
        assert not commands.most_at_once > 4
        statistics = supervisor.statistics()
        assert (statistics.in_flight, statistics.waiting) == (12, 8)
        assert len(refused) == 188
        assert {each["status"] for each in refused} == {503}
        assert {dict(each["headers"])[b"retry-after"] for each in refused} == {b"1"}
        done = await replies(layer, 12)
        assert set(done) <= set(sent)
        assert {each["status"] for each in done.values()} == {200}
        assert await nothing_more(layer)
    assert supervisor.statistics().finished[("COMMAND", "overloaded")] == 188


async def wait_for(layer: MemoryLayer, question: dict[str, Any]) -> list[dict[str, Any]]:
    """The answer to a question that is sent now, then all others that come before a command is done."""
    await layer.send("request.async", question)
    others = []
    answer = None
    with trio.move_on_after(SECONDS / 2):
        while True:
            for channel, content in (await replies(layer, 1)).items():
                if channel == question["reply_channel"]:
                    answer = content
                else:
                    others.append(content)
    assert answer is not None
    return [answer, *others]


async def test_an_answer_that_finds_no_room_keeps_nobody_from_beginning_once_the_work_is_done() -> None:
    layer, commands = MemoryLayer(capacity=1), Commands()
    await layer.send(FULL, {"status": 200})
    async with serving_both(layer, limited(COMMAND=1), commands):
        await layer.send("request.async", command(0, reply_channel=FULL))
        await trio.sleep(1.5 * SECONDS)
        await layer.send("request.async", command(1, reply_channel="daphne.response.free!x"))
        with trio.fail_after(1.5 * SECONDS):
            [answer] = await layer.receive(0, ["daphne.response.free!"], 1)
        assert answer.content["status"] == 200
        await layer.receive(0, ["daphne.response.full!"], 1)
        [answer] = await layer.receive(0, ["daphne.response.full!"], 1)
        assert answer.content["content"] == b"done"
    assert commands.most_at_once == 1


async def test_the_turn_of_an_async_function_ends_when_it_has_returned() -> None:
    async def function() -> str:
        return "returned"

    layer = MemoryLayer(capacity=1)
    await layer.send(FULL, {"status": 200})
    functions = {"f": Function("f", function, in_task=True, takes_context=False, idempotent=False)}
    call = RunCall(functions, Threads(1, contextlib.nullcontext), debug=False)
    common = {"v": 2, "operation": "CALL", "function": "f", "args": [], "kwargs": {}}
    async with serving(layer, limited(CALL=1), {"CALL": call}):
        for channel in (FULL, "daphne.response.free!x"):
            await layer.send("request.async", {**common, "id": "x", "reply_channel": channel})
            await trio.sleep(1)  # on the clock that jumps: until all that can be done is done
        with trio.fail_after(2):  # sooner than the deadline of the first
            [answer] = await layer.receive(0, ["daphne.response.free!"], 1)
        assert answer.content["content"] == b"returned"
        for _ in range(2):
            await layer.receive(0, ["daphne.response.full!"], 1)


async def test_one_that_waits_when_the_server_ends_is_answered_503() -> None:
    layer, commands = MemoryLayer(), Commands()
    async with serving_both(layer, limited(COMMAND=1), commands) as supervisor:
        await send_commands(layer, 2)
        await trio.sleep(1)
        supervisor.abort()
        assert {answer["status"] for answer in (await replies(layer, 2)).values()} == {503}
    assert len(commands.begun) == 1


@pytest.mark.parametrize("limit", [0, 5, 6])
async def test_without_a_limit_or_with_one_above_the_total_there_are_no_turns(limit: int) -> None:
    turns = Turns({"CALL": limit}, total=5)
    assert turns.turn("CALL") is None
    assert turns.turn("OTHER") is None
    assert turns.waiting == 0


@pytest.mark.parametrize(
    ("limit", "total", "room"), [(8, 1000, 32), (8, 20, 6), (8, 9, 0), (1, 3, 1), (400, 1000, 300)]
)
async def test_how_many_may_wait(limit: int, total: int, room: int) -> None:
    turns = Turns({"CALL": limit}, total)
    turn = turns.turn("CALL")
    assert turn is not None
    refused = 0

    async def take() -> None:
        nonlocal refused
        try:
            await turn.take()
        except TooManyWaiting:
            refused += 1
            return
        await trio.sleep(1)
        turn.give_back()

    async with trio.open_nursery() as nursery:
        for _ in range(total):
            nursery.start_soon(take)
        await trio.sleep(0.5)
        assert turns.waiting == room
    assert refused == total - limit - room
    assert turns.waiting == 0


async def test_the_defaults_let_the_heavy_ones_not_take_the_house() -> None:
    limits = Settings().CONCURRENCY.limits()
    assert limits == {"REQUEST": 0, "FORWARD": 0, "CALL": 40, "COMMAND": 8}
    assert isinstance(Supervisor(Settings(), {}).statistics().waiting, int)
