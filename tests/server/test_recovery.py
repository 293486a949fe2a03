"""Operations of a server that has died: done again where that is safe, else answered that they are lost."""

from __future__ import annotations

import time
from typing import Any

import pytest
import trio

from channels_async import wire
from channels_async.wire import Operation
from server_trio.errors import TakenOver
from server_trio.layers.base import Entry, Judge, Past, Received
from server_trio.layers.memory import MemoryLayer
from server_trio.loading import load_handlers
from server_trio.operations import Context
from server_trio.recovery import is_repeatable, refusal
from server_trio.replies import Reply
from server_trio.resolving import resolve

from .test_supervisor import DAPHNE, message, message_v2, replies, serving

ENTRY = Entry(0, "dead", "asgi:1")


class Journaled(MemoryLayer):
    """A layer whose journal has what a dead server left: `left` is handed out by `recover` once."""

    def __init__(self, *left: Received) -> None:
        super().__init__()
        self._left = list(left)
        self._again: list[Received] = []
        self._judged = trio.Event()
        self.released = trio.Event()  # until then the server is not known to be dead
        self.released.set()
        self.settled: list[Entry] = []
        self.buried: list[tuple[Entry, str]] = []

    async def recover(self, shard: int, limit: int, only: Judge | None = None) -> list[Received]:
        await self.released.wait()
        if only is None:
            await self._judged.wait()
            found, self._again = self._again, []
        else:
            left, self._left = self._left, []
            found = [one for one in left if await only(one)]
            self._again += [one for one in left if one not in found]
            self._judged.set()
        if not found:
            await trio.sleep_forever()
        return found

    async def send(self, channel: str, message: Any, **journal: Any) -> None:
        await super().send(channel, message)
        if journal.get("entry") is not None and journal["progress"].name == "DONE":
            self.settled.append(journal["entry"])

    async def release(self, entry: Entry) -> None:
        self.settled.append(entry)

    async def bury(self, entry: Entry, reason: str) -> None:
        self.buried.append((entry, reason))


def left(content: dict[str, Any], *, attempt: int = 2, begun: bool = False, age: float = 1) -> Received:
    return Received("request.async", content, None, ENTRY, Past(attempt, time.time() - age, begun))


async def recovered(content: dict[str, Any], **past: Any) -> tuple[dict[str, Any], Journaled]:
    """The answer to what a dead server left."""
    layer = Journaled(left(content, **past))
    async with serving(layer):
        answers = await replies(layer, 1)
    return answers[content["reply_channel"]], layer


@pytest.mark.autojump
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
async def test_what_is_safe_to_repeat_is_done_again(method: str) -> None:
    answer, layer = await recovered(message_v2(method=method))
    assert answer["status"] == 200
    assert layer.settled == [ENTRY]


@pytest.mark.autojump
@pytest.mark.parametrize("method", ["POST", "PATCH", "PROPFIND"])
async def test_what_is_not_is_answered_that_it_is_lost(method: str) -> None:
    answer, layer = await recovered(message_v2(method=method))
    assert answer["status"] == 502
    assert b"whether it was done is not known" in answer["content"]
    assert layer.settled == [ENTRY]
    assert layer.buried == []


@pytest.mark.autojump
async def test_the_view_can_say_that_a_post_may_be_repeated() -> None:
    answer, _ = await recovered(message_v2(method="POST", idempotent=True))
    assert answer["status"] == 200


@pytest.mark.autojump
async def test_an_answer_that_had_begun_is_ended() -> None:
    layer = Journaled(left(message_v2(), begun=True))
    async with serving(layer):
        sent = [part.content for _ in range(2) for part in await layer.receive(0, [DAPHNE], 1)]
    # The first breaks the connection to the browser (replies/http.py).
    assert sent == [{"content": [b""], "more_content": True}, {"content": b"", "more_content": False}]
    assert layer.settled == [ENTRY]


@pytest.mark.autojump
async def test_a_message_that_had_begun_is_ended_with_an_error() -> None:
    answer, _ = await recovered(message_v2(reply_format="message"), begun=True)
    assert answer["status"] == 502
    assert answer["index"] == -1
    assert answer["more_content"] is False
    assert "died" in answer["error"]


@pytest.mark.autojump
async def test_an_operation_that_kills_its_servers_is_given_up() -> None:
    answer, layer = await recovered(message_v2(), attempt=3)
    assert answer["status"] == 502
    assert b"2 servers died" in answer["content"]
    assert [entry for entry, _ in layer.buried] == [ENTRY]


@pytest.mark.autojump
async def test_time_spent_on_the_dead_server_counts() -> None:
    """Also where the message of 2017 does not say when it was sent."""
    answer, _ = await recovered(message(), age=31)
    assert answer["status"] == 504


@pytest.mark.autojump
async def test_a_bad_message_that_was_left_is_settled() -> None:
    layer = Journaled(left({"operation": "NONSENSE"}))
    async with serving(layer) as supervisor:
        await trio.testing.wait_all_tasks_blocked()
    assert supervisor.statistics().bad_messages == 1
    assert layer.settled == [ENTRY]


@pytest.mark.autojump
async def test_what_another_server_has_taken_over_is_not_answered_here() -> None:
    class Stalled(Journaled):
        async def send(self, channel: str, message: Any, **journal: Any) -> None:
            if channel.startswith(DAPHNE):
                raise TakenOver("another server has taken this operation over")
            await super().send(channel, message)

    layer = Stalled(left(message_v2()))
    async with serving(layer) as supervisor:
        await trio.testing.wait_all_tasks_blocked()
    assert supervisor.statistics().finished == {("REQUEST", "taken_over"): 1}
    assert supervisor.statistics().replies_lost == 0
    assert layer.settled == []  # it is the other's


@pytest.mark.autojump
async def test_an_operation_without_a_listener_is_settled_in_the_end() -> None:
    content = message_v2(reply_format="none")
    del content["reply_channel"]
    layer = Journaled(left(content))
    async with serving(layer) as supervisor:
        await trio.testing.wait_all_tasks_blocked()
    assert supervisor.statistics().finished == {("REQUEST", "ok"): 1}
    assert layer.settled == [ENTRY]


@pytest.mark.autojump
async def test_a_server_without_a_free_place_says_at_once_what_is_lost() -> None:
    lost = [message_v2(method="POST"), {"operation": "NONSENSE"}]
    begun, again = message_v2(), message_v2()
    layer = Journaled(*map(left, [*lost, again]), left(begun, begun=True))
    settings = resolve({"CONCURRENCY": {"total": 1}}, {}, {})
    layer.released = trio.Event()
    async with serving(layer, settings) as supervisor:
        slow = message_v2(url="http://upstream/slow")
        await layer.send("request.async", slow)
        await trio.testing.wait_all_tasks_blocked()
        layer.released.set()
        parts: list[tuple[str, float]] = []
        while len(parts) < 5:
            parts += [(part.channel, trio.current_time()) for part in await layer.receive(0, [DAPHNE], 1)]
        at_once = {channel for channel, time in parts if time == parts[0][1]}
        assert at_once == {content["reply_channel"] for content in (lost[0], begun)}
        assert {channel for channel, _ in parts} - at_once == {slow["reply_channel"], again["reply_channel"]}
        assert supervisor.statistics().bad_messages == 1


class Repeatable:
    """A handler that knows of its operations whether they can be repeated."""

    def is_repeatable(self, details: Any) -> bool:
        return bool(details.function == "safe")

    async def __call__(self, operation: Operation, reply: Reply, context: Context) -> None: ...


@pytest.mark.parametrize(
    ("name", "details", "repeatable"),
    [
        ("CALL", {"function": "safe"}, True),
        ("CALL", {"function": "other"}, False),
        ("FORWARD", {"url": "http://upstream/", "method": "PUT"}, True),
        ("FORWARD", {"url": "http://upstream/", "method": "PUT", "body_channel": "body?x"}, False),
        ("FORWARD", {"url": "http://upstream/", "method": "POST"}, False),
    ],
)
def test_who_says_what_is_repeatable(name: str, details: dict[str, Any], repeatable: bool) -> None:
    operation = wire.parse(wire.encode("a", "x!y", operation=name, **details), 0.0)
    assert is_repeatable(operation, Repeatable()) is repeatable


@pytest.mark.parametrize(
    ("details", "repeatable"),
    [
        ({"operation": "CALL", "function": "call_functions.where"}, True),
        ({"operation": "CALL", "function": "call_functions.given"}, False),
        ({"operation": "CALL", "function": "not.there"}, False),
        ({"operation": "COMMAND", "command": "again"}, True),
        ({"operation": "COMMAND", "command": "once"}, False),
        ({"operation": "COMMAND", "command": "not-there"}, False),
        ({"operation": "COMMAND", "command": "again", "body_channel": "body?x"}, False),
    ],
)
def test_functions_and_commands_are_repeated_where_the_settings_say_so(
    details: dict[str, Any], repeatable: bool
) -> None:
    commands = {"again": {"argv": ["true"], "idempotent": True}, "once": {"argv": ["true"]}}
    settings = resolve({"CALL_MODULES": ["tests.server.call_functions"], "COMMANDS": commands}, {}, {})
    operation = wire.parse(wire.encode("a", "x!y", **details), 0.0)
    assert is_repeatable(operation, load_handlers(settings)[operation.name]) is repeatable


def test_a_handler_that_says_nothing_is_not_repeated() -> None:
    async def handler(operation: Operation, reply: Reply, context: Context) -> None: ...

    operation = wire.parse(wire.encode("a", "x!y", operation="CALL", function="f"), 0.0)
    assert not is_repeatable(operation, handler)


def test_attempts_are_a_setting() -> None:
    assert resolve(None, {}, {}).ATTEMPTS == 2
    past = Past(3, 0.0, False)
    assert refusal(past, repeatable=True, attempts=3) is None
    assert refusal(past, repeatable=True, attempts=2) is not None
