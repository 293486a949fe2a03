"""CALL: what functions return, raise and yield is answered, in tasks and in threads."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
import trio

from server_trio.http.session import Session
from server_trio.limits import HttpLimits
from tests.client.call_cases import RETURNED, STREAMED, WRONG
from tests.harness.trio_tests import jump_once
from tests.harness.upstream import upstream_server

from . import call_functions
from .call_support import REPLY, Answer, Caller, ask

DEADLINE = 20.0  # seconds; longer than any machine takes to begin
BOTH = pytest.mark.parametrize("function", ["case", "async.case"])


@pytest.fixture(autouse=True)
def _fresh() -> Any:
    call_functions.told.clear()
    call_functions.has_told.clear()
    call_functions.begun.clear()
    call_functions.go_on.clear()
    yield
    call_functions.go_on.set()


@BOTH
@pytest.mark.parametrize("number", range(len(RETURNED)))
async def test_what_a_function_returns_is_the_answer(function: str, number: int) -> None:
    _, status, headers, body = RETURNED[number]
    answer = await ask(function, "returned", number)
    expected = dict(headers) if status in (204, 304) else {**headers, "content-length": str(len(body))}
    assert (answer.status, answer.headers, answer.body) == (status, expected, body)
    assert answer.outcome == "ok"


@BOTH
@pytest.mark.parametrize("number", range(len(STREAMED)))
async def test_what_a_generator_yields_is_a_stream(function: str, number: int) -> None:
    items, _, content_type, body = STREAMED[number]
    answer = await ask(function, "streamed", number)
    assert (answer.status, answer.headers.get("content-type"), answer.body) == (200, content_type, body)
    assert len([part for part in answer.parts if part]) == len([item for item in items if item])
    assert answer.outcome == "ok"


@BOTH
@pytest.mark.parametrize("number", range(len(WRONG)))
async def test_what_is_no_response_is_a_500_and_a_line_in_the_log(
    function: str, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await ask(function, "wrong", number)
    assert (answer.status, answer.outcome) == (500, "error")
    assert answer.id.encode() in answer.body
    assert f"operation {answer.id}: the function" in caplog.text
    assert [word for word in ["returned", *WRONG[number][1]] if word not in caplog.text] == []


async def test_arguments_arrive() -> None:
    answer = await ask("given", 1, "two", [None], kwargs={"size": {"x": 80}})
    assert json.loads(answer.body) == {"args": [1, "two", [None]], "kwargs": {"size": {"x": 80}}}


@pytest.mark.parametrize(
    ("function", "place"),
    [
        ("where", b"thread"), ("where_async", b"loop"), ("where_quick", b"loop"), ("wrapped.where", b"loop"),
        ("in_thread", b"in a thread"),
    ],
)  # fmt: skip
async def test_async_functions_run_in_the_loop_and_plain_ones_in_threads(function: str, place: bytes) -> None:
    assert (await ask(function)).body == place


async def test_a_generator_stays_in_the_thread_of_its_function() -> None:
    assert len(set((await ask("threads_of_a_stream")).body.split())) == 1


async def test_context_variables_reach_the_thread() -> None:
    call_functions.shared.set("of the task")
    assert (await ask("variables")).body == b"of the task"


@pytest.mark.parametrize("arguments", [("about", "80x80"), ("about_async",)])
async def test_a_function_may_know_its_operation_and_how_long_it_has(arguments: tuple[Any, ...]) -> None:
    answer = await ask(*arguments, timeout=50)
    said = json.loads(answer.body)
    assert said["id"] == answer.id
    assert 0 < said["remaining"] <= 50
    assert said["deadline"] - time.time() <= 50


@pytest.mark.parametrize("kwargs", [{"context": "mine", "size": 1}, {"wrong": 1}, {}])
async def test_arguments_that_the_function_does_not_take_are_a_500(
    kwargs: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert (await ask("about", kwargs=kwargs)).status == 500
    assert "TypeError" in caplog.text


async def test_the_http_client_is_for_async_functions(caplog: pytest.LogCaptureFixture) -> None:
    with upstream_server() as upstream:
        answer = await ask("fetch", f"{upstream.url}/echo/there")
    seen = json.loads(answer.body)
    assert (seen["method"], seen["target"], seen["body"]) == ("POST", "/echo/there", '{"k": 1}')
    assert ["X-A", "b"] in seen["headers"]
    assert answer.headers["x-type"] == "application/json"
    assert (await ask("fetch_in_thread")).status == 500
    assert "use requests in a plain one" in caplog.text


# --- failures ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("fail", []), ("fail_async", []), ("fail_later", [0]), ("fail_later_async", [0]),
        ("fail", ["SystemExit"]), ("fail_async", ["SystemExit"]), ("fail", ["KeyboardInterrupt"]),
        ("fail_async", ["group"]), ("fail", ["CancelledError"]), ("fail_async", ["CancelledError"]),
        ("fail", ["GeneratorExit"]), ("fail_async", ["BaseException"]),
    ],
)  # fmt: skip
async def test_an_exception_is_a_500_with_the_id_and_its_traceback_is_in_the_log(
    function: str, args: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    answer = await ask(function, *args)
    name = f"call_functions.{function}"
    assert (answer.status, answer.outcome) == (500, "error")
    assert answer.body.decode().splitlines() == [
        "500 Internal Server Error", f"the function '{name}' failed", f"operation {answer.id}",
    ]  # fmt: skip
    assert f"operation {answer.id}: the function '{name}' failed" in caplog.text
    assert "a secret" in caplog.text


async def test_the_traceback_is_in_the_answer_where_debug_is_on() -> None:
    for function in ("fail", "fail_async"):
        body = (await ask(function, debug=True)).body.decode()
        assert "ValueError: a secret" in body
        assert "call_functions.py" in body
        assert "server_trio" not in body


@pytest.mark.parametrize("function", ["fail_later", "fail_later_async"])
async def test_a_stream_that_fails_later_is_ended(function: str, caplog: pytest.LogCaptureFixture) -> None:
    answer = await ask(function, 2)
    assert (answer.status, answer.body, answer.outcome) == (200, b"item 0 item 1 ", "error")
    assert "a secret" in caplog.text


async def test_a_plain_generator_of_an_async_function_runs_in_a_thread() -> None:
    assert (await ask("plain_generator_of_async")).body == b"item 0 item 1 "


async def test_a_wrong_item_ends_the_stream(caplog: pytest.LogCaptureFixture) -> None:
    assert (await ask("wrong_item")).body == b"first"
    assert "an item of a stream must be" in caplog.text


async def test_a_stream_is_held_to_its_content_length(caplog: pytest.LogCaptureFixture) -> None:
    answer = await ask("too_long")
    assert (answer.headers["content-length"], answer.body, answer.outcome) == ("5", b"abc", "error")
    assert "more than the Content-Length" in caplog.text


@pytest.mark.parametrize("function", ["too_short", "too_short_async"])
async def test_a_stream_that_owes_a_part_of_its_content_length_is_broken_off(
    function: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await ask(function)
    assert (answer.headers["content-length"], answer.body, answer.outcome) == ("7", b"abcdef", "error")
    assert "1 bytes less than the Content-Length" in caplog.text


async def test_what_the_settings_do_not_name_cannot_be_called(caplog: pytest.LogCaptureFixture) -> None:
    names = ["secret", "os.system", "tests.server.call_functions.given", "call_functions.givne"]
    for name in names:
        answer = await ask(name)
        assert (answer.status, answer.outcome) == (403, "refused")
        assert b"given" not in answer.body
    assert "no function 'call_functions.givne'; did you mean 'call_functions.given'?" in caplog.text


# --- HEAD, WebSockets, what the site says -----------------------------------------------------------


@pytest.mark.parametrize("function", ["ticks", "ticks_async"])
async def test_head_has_the_headers_of_a_stream_and_ends_it(function: str) -> None:
    answer = await ask(function, head=True)
    assert (answer.status, answer.headers, answer.parts) == (
        200, {"content-type": "text/plain; charset=utf-8"}, [b""],
    )  # fmt: skip
    assert call_functions.told == ["closed"]


async def test_head_of_a_complete_answer() -> None:
    answer = await ask("given", head=True)
    assert (answer.status, int(answer.headers["content-length"]) > 2, answer.body) == (200, True, b"")


async def test_what_the_site_put_on_the_response_goes_out() -> None:
    answer = await ask("given", response_headers=[(b"X-View", b"1"), (b"Content-Type", b"text/own")])
    assert (answer.headers["x-view"], answer.headers["content-type"]) == ("1", "text/own")


@pytest.mark.parametrize("function", ["case", "async.case"])
async def test_each_item_of_a_stream_is_a_frame_of_a_websocket(function: str) -> None:
    caller = Caller()
    async with Session(HttpLimits()) as http:
        await caller.begin(function, "streamed", 1, http=http, reply_format="websocket").run()
    assert await caller.messages() == [{"bytes": b"\xff"}, {"text": "text"}, {"bytes": b"x"}]


# --- deadlines and threads --------------------------------------------------------------------------


async def late(caller: Caller, function: str, condition: Callable[[], Any]) -> Answer:
    """The answer of a function whose deadline comes once `condition()` is true."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(jump_once, condition, DEADLINE)
        return await caller.ask(function, timeout=DEADLINE)


@pytest.mark.jumpable
async def test_an_async_function_is_cancelled_at_its_deadline() -> None:
    answer = await late(Caller(), "sleep", call_functions.begun.is_set)
    assert (answer.status, answer.outcome) == (504, "timeout")
    assert b"the function took longer than" in answer.body
    assert call_functions.told == ["cancelled"]


@pytest.mark.jumpable
@pytest.mark.parametrize("function", ["ticks", "ticks_async"])
async def test_an_endless_stream_is_ended_at_its_deadline_and_closed(function: str) -> None:
    caller = Caller()
    answer = await late(caller, function, lambda: caller.layer.pending(REPLY[:-1]) > 1)
    assert (answer.status, answer.outcome, answer.body[:4]) == (200, "timeout", b"tick")
    await trio.to_thread.run_sync(call_functions.has_told.wait, 30)
    assert call_functions.told == ["closed"]


@pytest.mark.jumpable
@pytest.mark.parametrize(
    ("function", "level", "word"), [("block", "INFO", "has ended"), ("block_and_fail", "ERROR", "failed")]
)
async def test_a_thread_that_is_late_is_answered_at_once_and_keeps_its_place(
    function: str, level: str, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    caller = Caller(CALL_THREADS=1)
    answer = await late(caller, function, call_functions.begun.is_set)
    assert (answer.status, answer.outcome) == (504, "timeout")
    assert f"operation {answer.id}: the function 'call_functions.{function}': goes on in its thread" in (
        caplog.text
    )
    waiting = await caller.ask("where", timeout=0.1)  # the only thread is still taken
    assert waiting.status == 504
    call_functions.go_on.set()
    assert (await caller.ask("where", timeout=20)).body == b"thread"
    last = [record for record in caplog.records if f"{word} in its thread" in record.getMessage()]
    assert [(record.levelname, answer.id in record.getMessage()) for record in last] == [(level, True)]


@pytest.mark.jumpable
async def test_a_thread_can_ask_whether_somebody_still_waits() -> None:
    assert (await late(Caller(), "wait_until_cancelled", call_functions.begun.is_set)).status == 504
    await trio.to_thread.run_sync(call_functions.has_told.wait, 30)
    assert call_functions.told == ["noticed"]
