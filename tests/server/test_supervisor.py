"""The supervisor: every message is answered once, deadlines hold, draining loses nothing."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from channels_async.wire import Operation
from server_trio.errors import LayerUnavailable, SendUnknown, UpstreamError, UpstreamTruncated
from server_trio.http.session import Session
from server_trio.layers.base import Received
from server_trio.layers.memory import MemoryLayer
from server_trio.limits import HttpLimits
from server_trio.operating import PARSED_AT_ONCE
from server_trio.operations import Context, Handler
from server_trio.replies import Reply
from server_trio.resolving import resolve
from server_trio.settings import Settings
from server_trio.supervisor import State, Supervisor

DAPHNE = "daphne.response.abcdefghij!"

_numbers = itertools.count()


def message(url: str = "http://upstream/", **fields: Any) -> dict[str, Any]:
    """A message of the 2017 client with a reply channel of its own."""
    channel = f"{DAPHNE}{next(_numbers)}"
    return {"operation": "REQUEST", "reply_channel": channel, "url": url, **fields}


def message_v2(**fields: Any) -> dict[str, Any]:
    """A message of today's client."""
    typed = {"v": 2, "id": "0" * 32, "sent_at": time.time(), "response_headers": [], "reply_format": "http"}
    request = {"method": "GET", "headers": [], "body": b"", "allow_redirects": True, "max_redirects": 20}
    return {**message(), **typed, **request, **fields}


async def handle_by_path(operation: Operation, reply: Reply, context: Context) -> None:
    """What the tests ask for by the path of the URL."""
    path = operation.details.url.partition("upstream")[2]
    if path == "/slow":
        await trio.sleep(10)
    elif path == "/never":
        await trio.sleep_forever()
    elif path == "/bug":
        raise ZeroDivisionError("the handler's bug")
    elif path == "/broken":
        raise UpstreamError("upstream: connection refused")
    elif path == "/truncated":
        await reply.start(200, [(b"content-length", b"9")], b"some", more=True)
        raise UpstreamTruncated("upstream: the body ended early")
    elif path == "/mute":
        return
    await reply.start(200, [(b"x-path", path.encode())], b"done")


@asynccontextmanager
async def serving(
    layer: MemoryLayer, settings: Settings | None = None, handlers: Mapping[str, Handler] | None = None
) -> AsyncIterator[Supervisor]:
    """A supervisor that serves `layer`; it is drained at the end."""
    supervisor = Supervisor(settings or Settings(), handlers or {"REQUEST": handle_by_path})
    async with Session(HttpLimits()) as http, trio.open_nursery() as nursery:
        await nursery.start(supervisor.serve, layer, http)
        yield supervisor
        supervisor.drain()


async def replies(layer: MemoryLayer, number: int) -> dict[str, dict[str, Any]]:
    """The next `number` messages to daphne, by channel; a second one to a channel is a failure."""
    found: dict[str, dict[str, Any]] = {}
    while len(found) < number:
        for received in await layer.receive(0, [DAPHNE], 100):
            assert received.channel not in found, "answered twice"
            found[received.channel] = received.content
    return found


async def ask(layer: MemoryLayer, *questions: dict[str, Any]) -> list[dict[str, Any]]:
    """Send the messages and return their answers in the same order."""
    for question in questions:
        await layer.send("request.async", question)
    answers = await replies(layer, len(questions))
    return [answers[question["reply_channel"]] for question in questions]


async def nothing_more(layer: MemoryLayer) -> bool:
    """Whether daphne's channel is empty."""
    with trio.move_on_after(1):
        await layer.receive(0, [DAPHNE], 1)
        return False
    return True


@pytest.mark.autojump
async def test_each_message_gets_the_answer_of_its_operation() -> None:
    layer = MemoryLayer()
    async with serving(layer) as supervisor:
        first, second = await ask(layer, message("http://upstream/1"), message("http://upstream/2"))
        assert [first["headers"], second["headers"]] == [[[b"x-path", b"/1"]], [[b"x-path", b"/2"]]]
        assert await nothing_more(layer)
    statistics = supervisor.statistics()
    assert (statistics.in_flight, statistics.received) == (0, 2)
    assert statistics.finished == {("REQUEST", "ok"): 2}
    assert supervisor.state is State.STOPPED


@pytest.mark.autojump
@pytest.mark.parametrize(
    ("path", "status", "outcome"),
    [("/bug", 500, "error"), ("/broken", 502, "upstream_error"), ("/mute", 500, "error")],
)
async def test_a_failing_operation_is_answered_and_the_server_goes_on(
    path: str, status: int, outcome: str
) -> None:
    layer = MemoryLayer()
    async with serving(layer) as supervisor:
        failed, healthy = await ask(layer, message(f"http://upstream{path}"), message("http://upstream/1"))
        assert (failed["status"], healthy["status"]) == (status, 200)
        assert await nothing_more(layer)
    assert supervisor.statistics().finished[("REQUEST", outcome)] == 1


@pytest.mark.autojump
async def test_an_internal_error_tells_the_browser_the_id_and_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    layer = MemoryLayer()
    question = message_v2(url="http://upstream/bug", id="f" * 32)
    async with serving(layer):
        (answer,) = await ask(layer, question)
    assert b"f" * 32 in answer["content"]
    assert b"bug" not in answer["content"]
    assert "the handler's bug" in caplog.text


@pytest.mark.autojump
async def test_a_response_that_breaks_off_is_ended_and_not_begun_again() -> None:
    layer = MemoryLayer()
    async with serving(layer) as supervisor:
        await layer.send("request.async", message("http://upstream/truncated"))
        sent = [received.content for received in await layer.receive(0, [DAPHNE], 1)]
        for _ in range(2):
            sent += [received.content for received in await layer.receive(0, [DAPHNE], 1)]
        parts = [(part["content"], part["more_content"]) for part in sent]
        assert parts == [(b"some", True), ([b""], True), (b"", False)]  # the second breaks the connection
        assert await nothing_more(layer)
    assert supervisor.statistics().finished == {("REQUEST", "upstream_error"): 1}


@pytest.mark.autojump
async def test_deadlines_hold_to_the_moment_while_a_thousand_others_run() -> None:
    layer = MemoryLayer(capacity=2000)
    settings = resolve({"DEADLINES": {"REQUEST": 30}, "CONCURRENCY": {"total": 2000}}, {}, {})
    began = trio.current_time()
    async with serving(layer, settings):
        for _ in range(1000):
            await layer.send("request.async", message("http://upstream/never"))
        short = message("http://upstream/never", timeout="5")
        (answer,) = await ask(layer, short)
        assert answer["status"] == 504
        assert trio.current_time() - began == pytest.approx(5, abs=0.05)
        rest = await replies(layer, 1000)
        assert {answer["status"] for answer in rest.values()} == {504}
        assert trio.current_time() - began == pytest.approx(30, abs=0.05)


@pytest.mark.autojump
async def test_a_message_cannot_lengthen_the_deadline_of_the_settings() -> None:
    layer = MemoryLayer()
    began = trio.current_time()
    async with serving(layer, resolve({"DEADLINES": {"REQUEST": 3}}, {}, {})):
        (answer,) = await ask(layer, message("http://upstream/never", timeout="3600"))
    assert answer["status"] == 504
    assert trio.current_time() - began == pytest.approx(3, abs=0.05)


@pytest.mark.autojump
async def test_what_waited_longer_than_its_budget_is_shed_without_being_done() -> None:
    layer = MemoryLayer()
    begun: list[str] = []

    async def remember(operation: Operation, reply: Reply, context: Context) -> None:
        begun.append(operation.id)

    async with serving(layer, handlers={"REQUEST": remember}) as supervisor:
        (answer,) = await ask(layer, message_v2(sent_at=time.time() - 20, timeout=10.0))
    assert answer["status"] == 504
    assert begun == []
    assert supervisor.statistics().finished == {("REQUEST", "shed"): 1}


@pytest.mark.autojump
async def test_no_more_messages_are_claimed_than_there_are_places() -> None:
    layer = MemoryLayer()
    async with serving(layer, resolve({"CONCURRENCY": {"total": 2}}, {}, {})) as supervisor:
        for _ in range(5):
            await layer.send("request.async", message("http://upstream/slow"))
        await trio.sleep(5)
        assert (supervisor.statistics().in_flight, supervisor.statistics().received) == (2, 2)
        assert len(await replies(layer, 5)) == 5


@pytest.mark.autojump
async def test_draining_claims_nothing_more_and_finishes_what_is_in_flight() -> None:
    layer = MemoryLayer()
    async with serving(layer) as supervisor:
        await layer.send("request.async", message("http://upstream/slow"))
        await trio.sleep(1)
        supervisor.drain()
        await trio.sleep(1)
        await layer.send("request.async", message("http://upstream/later"))
        (answer,) = (await replies(layer, 1)).values()
        assert answer["status"] == 200
    (left,) = await layer.receive(0, ["request.async"], 10)
    assert left.content["url"] == "http://upstream/later"


@pytest.mark.autojump
async def test_when_the_grace_time_is_over_the_rest_is_answered_503() -> None:
    layer = MemoryLayer()
    async with serving(layer, resolve({"GRACE_TIME": 4}, {}, {})) as supervisor:
        await layer.send("request.async", message("http://upstream/never"))
        await trio.sleep(1)
        began = trio.current_time()
        supervisor.drain()
        (answer,) = (await replies(layer, 1)).values()
        assert answer["status"] == 503
        assert trio.current_time() - began == pytest.approx(4, abs=0.05)
    assert supervisor.statistics().finished == {("REQUEST", "shutdown"): 1}


@pytest.mark.autojump
async def test_aborting_answers_what_is_in_flight_at_once() -> None:
    layer = MemoryLayer()
    async with serving(layer) as supervisor:
        await layer.send("request.async", message("http://upstream/never"))
        await trio.sleep(1)
        began = trio.current_time()
        supervisor.abort()
        (answer,) = (await replies(layer, 1)).values()
        assert (answer["status"], trio.current_time() - began) == (503, 0)


@pytest.mark.autojump
async def test_an_answer_that_cannot_be_sent_is_given_up_after_its_bound_and_counted() -> None:
    layer = MemoryLayer(capacity=1)
    await layer.send(DAPHNE + "dead", {"status": 200, "content": b""})
    began = trio.current_time()
    async with serving(
        layer, resolve({"DEADLINES": {"REQUEST": 5}, "REPLY_TIMEOUT": 2}, {}, {})
    ) as supervisor:
        await layer.send("request.async", message("http://upstream/1"))
        await trio.sleep(0.1)
    assert trio.current_time() - began == pytest.approx(7, abs=0.1)
    assert supervisor.statistics().replies_lost == 1


@pytest.mark.autojump
@pytest.mark.parametrize(
    "content",
    [
        None,
        5,
        b"x" * 10_000,
        "text",
        [],
        {},
        {"operation": "REQUEST"},
        {"operation": "EVAL", "reply_channel": 5},
    ],
)
async def test_a_message_that_is_no_operation_is_logged_counted_and_harmless(
    content: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Anything(MemoryLayer):
        """A layer whose first message is `content`, as only a foreign writer could put it."""

        first = True

        async def receive(self, shard: int, channels: Any, limit: int, **journal: Any) -> list[Received]:
            if self.first and "request.async" in channels:
                self.first = False
                return [Received("request.async", content)]
            return await super().receive(shard, channels, limit, **journal)

    layer = Anything()
    async with serving(layer) as supervisor:
        (answer,) = await ask(layer, message("http://upstream/1"))
        assert answer["status"] == 200
    assert supervisor.statistics().bad_messages == 1
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1


@pytest.mark.autojump
async def test_a_bad_message_with_a_reply_channel_is_answered_500() -> None:
    layer = MemoryLayer()
    async with serving(layer):
        (answer,) = await ask(layer, message(url="no url"))
    assert answer["status"] == 500


@pytest.mark.autojump
async def test_a_bad_message_whose_reply_channel_is_full_is_given_up() -> None:
    layer = MemoryLayer(capacity=1)
    await layer.send(DAPHNE + "dead", {"status": 200, "content": b""})
    async with serving(layer) as supervisor:
        await layer.send("request.async", message(url="no url"))
        await trio.sleep(0.1)
    assert supervisor.statistics().bad_messages == 1


async def test_a_message_whose_parsing_takes_long_is_understood_all_the_same() -> None:
    layer = MemoryLayer()
    async with serving(layer):
        whole = message("http://upstream/1", data="x" * (PARSED_AT_ONCE + 1))
        bad = message("no url", data="x" * (PARSED_AT_ONCE + 1))
        answers = await ask(layer, whole, bad)
    assert [answer["status"] for answer in answers] == [200, 500]


@pytest.mark.autojump
async def test_an_operation_that_this_server_does_not_have_is_answered_501() -> None:
    layer = MemoryLayer()
    async with serving(layer, handlers={"OTHER": handle_by_path}):
        (answer,) = await ask(layer, message())
    assert answer["status"] == 501


@pytest.mark.autojump
async def test_the_sites_headers_are_on_error_answers_too() -> None:
    layer = MemoryLayer()
    headers = [
        [b"Set-Cookie", b"sessionid=1; Path=/"],
        [b"X-Frame-Options", b"DENY"],
        [b"Content-Type", b"image/png"],
        [b"Cache-Control", b"public, max-age=86400"],
    ]
    async with serving(layer):
        (answer,) = await ask(layer, message_v2(url="http://upstream/broken", response_headers=headers))
    names = {bytes(name): bytes(value) for name, value in answer["headers"]}
    assert names[b"set-cookie"] == b"sessionid=1; Path=/"
    assert names[b"x-frame-options"] == b"DENY"
    assert names[b"content-type"].startswith(b"text/plain")
    assert names[b"cache-control"] == b"no-store"


@pytest.mark.autojump
async def test_a_layer_that_is_away_for_a_while_is_received_from_again() -> None:
    class Away(MemoryLayer):
        failures = 5

        async def receive(self, shard: int, channels: Any, limit: int, **journal: Any) -> list[Received]:
            if self.failures and "request.async" in channels:
                self.failures -= 1
                raise LayerUnavailable("connection refused")
            return await super().receive(shard, channels, limit, **journal)

    layer = Away()
    async with serving(layer):
        (answer,) = await ask(layer, message("http://upstream/1"))
    assert answer["status"] == 200


@pytest.mark.autojump
async def test_an_answer_of_unknown_fate_is_not_followed_by_another(caplog: pytest.LogCaptureFixture) -> None:
    class Doubtful(MemoryLayer):
        async def send(self, channel: str, message: Any, **journal: Any) -> None:
            await super().send(channel, message, **journal)
            if channel.startswith(DAPHNE):
                raise SendUnknown("the connection broke")

    layer = Doubtful()
    async with serving(layer) as supervisor:
        (answer,) = await ask(layer, message("http://upstream/1"))
        assert answer["status"] == 200
        assert await nothing_more(layer)
    assert supervisor.statistics().finished == {("REQUEST", "reply_lost"): 1}
    assert "the connection broke" in caplog.text


@pytest.mark.autojump
async def test_a_field_of_2017_without_effect_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    layer = MemoryLayer()
    async with serving(layer):
        await ask(layer, message(compress="None"), message(compress="None"))
    assert caplog.text.count("'compress'") == 1
