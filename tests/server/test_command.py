"""COMMAND on the server: streaming, input, errors and what they tell, limits, what cannot be started."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from server_trio.layers.memory import MemoryLayer
from tests.client.command_cases import BINARY, sh

from .command_support import REPLY, answer, begin, run


async def test_output_goes_out_as_it_comes(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    layer = MemoryLayer()
    running = await begin(sh(f"echo one; cat {fifo}"), layer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(running.run)
        (first,) = await layer.receive(0, [REPLY[:-1]], 10)
        assert (first.content["content"], first.content["more_content"]) == (b"one\n", True)
        await trio.to_thread.run_sync(fifo.write_text, "two")  # cat waits for it
    rest = [received.content for received in await layer.receive(0, [REPLY[:-1]], 10)]
    assert [(part["content"], part["more_content"]) for part in rest] == [(b"two", True), (b"", False)]


async def test_a_command_is_read_no_faster_than_its_answer_is_taken(tmp_path: Path) -> None:
    class Slow(MemoryLayer):
        taken = trio.Event()

        async def send(self, channel: str, message: Any, **more: Any) -> None:
            await super().send(channel, message, **more)
            await self.taken.wait()

    layer = Slow(capacity=10_000)
    running = await begin(sh(f"head -c 10000000 /dev/zero; touch {tmp_path}/done"), layer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(running.run)
        await trio.testing.wait_all_tasks_blocked(0.3)
        assert not (tmp_path / "done").exists()
        layer.taken.set()
    assert len((await answer(layer, running)).body) == 10_000_000
    assert (tmp_path / "done").exists()


async def test_what_comes_in_may_be_more_than_pipes_hold_while_output_comes_out() -> None:
    body = BINARY * 30
    answered = await run({"argv": ["cat"]}, stdin=body)
    assert (answered.body == body, answered.outcome) == (True, "ok")
    assert answered.parts > 2


async def test_input_that_comes_in_pieces_is_read_as_it_comes() -> None:
    layer = MemoryLayer()
    channel = "http.request.body?abc"
    running = await begin({"argv": ["cat"]}, layer, stdin=b"one ", body_channel=channel, content_length=13)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(running.run)
        (first,) = await layer.receive(0, [REPLY[:-1]], 1)
        assert first.content["content"] == b"one "
        await layer.send(channel, {"content": b"two ", "more_content": True})
        (second,) = await layer.receive(0, [REPLY[:-1]], 1)
        assert second.content["content"] == b"two "
        await layer.send(channel, {"content": b"three"})
    rest = [received.content["content"] for received in await layer.receive(0, [REPLY[:-1]], 10)]
    assert b"".join(rest) == b"three"


async def test_a_browser_that_goes_away_while_it_sends_input_ends_the_command() -> None:
    layer = MemoryLayer()
    channel = "http.request.body?abc"
    await layer.send(channel, {"content": b"", "closed": True})
    answered = await run({"argv": ["cat"]}, layer=layer, stdin=b"", body_channel=channel)
    assert answered.status >= 400
    assert b"the browser has gone" in answered.body


async def test_a_command_that_is_not_in_the_settings_is_not_there(caplog: pytest.LogCaptureFixture) -> None:
    answered = await run(sh("echo no"), command="itt")
    assert (answered.status, answered.outcome) == (403, "refused")
    assert b"this site has no such command" in answered.body
    assert b"it" not in answered.body.split()
    assert "the settings have no command 'itt'; did you mean 'it'?" in caplog.text


async def test_a_value_that_is_refused_is_told_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    entry = sh("echo", "{a}", parameters={"a": "x"})
    answered = await run(entry, parameters={"a": "s3cret"})
    assert (answered.status, answered.outcome) == (400, "bad_input")
    assert "s3cret" not in caplog.text + answered.body.decode()


async def test_the_headers_of_the_site_go_with_the_answer() -> None:
    site = [(b"Content-Type", b"text/css"), (b"Set-Cookie", b"a=1"), (b"Cache-Control", b"max-age=60")]
    answered = await run(sh("echo x", content_type="image/png"), response_headers=site)
    told = {b"content-type": b"text/css", b"set-cookie": b"a=1", b"cache-control": b"max-age=60"}
    assert answered.headers == told
    failed = await run(sh("exit 1", content_type="image/png"), response_headers=site)
    assert (failed.headers[b"set-cookie"], failed.headers[b"cache-control"]) == (b"a=1", b"no-store")


@pytest.mark.parametrize(("script", "status"), [("echo $$ >{}; yes | head -c 500000", 200), ("exit 1", 500)])
async def test_head_runs_the_command_to_its_end_and_sends_no_content(
    script: str, status: int, tmp_path: Path
) -> None:
    answered = await run(sh(script.replace("{}", f"{tmp_path}/pid") + f"; touch {tmp_path}/done"), head=True)
    assert (answered.status, answered.body, answered.parts) == (status, b"", 1)
    assert (tmp_path / "done").exists() is (status == 200)


STDERR = f"echo {'x' * 3000} >&2; printf 'the last \\033[31mwords' >&2; exit 3"


async def test_stderr_goes_to_the_log_and_into_the_answer_only_in_debug(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "server_trio")
    answered = await run(sh(STDERR))
    assert answered.body.decode().splitlines() == [
        "500 Internal Server Error",
        "the command ended with exit status 3",
        "operation " + "1" * 32,
    ]
    logged = [record.getMessage() for record in caplog.records if "stderr" in record.getMessage()]
    assert logged[1] == f"operation {'1' * 32} (it): stderr: the last ?[31mwords"
    told = (await run(sh(STDERR), debug=True)).body
    assert b"the last ?[31mwords" in told
    assert 1000 < len(told) < 1300


async def test_debug_tells_nothing_where_nothing_was_written() -> None:
    assert (await run(sh("exit 3"), debug=True)).body.count(b"\n") == 3


@pytest.mark.parametrize("limits", [{}, {"nice": 1}])
async def test_a_program_that_has_gone_is_a_clear_500(
    limits: dict[str, int], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = tmp_path / "program"
    shutil.copy("/bin/true", program)
    layer = MemoryLayer()
    running = await begin({"argv": [str(program)], **limits}, layer)
    program.unlink()
    await running.run()
    answered = await answer(layer, running)
    assert (answered.status, answered.outcome) == (500, "error")
    assert b"the command could not be started" in answered.body
    assert str(program).encode() not in answered.body
    assert "could not be started: FileNotFoundError" in caplog.text


@pytest.mark.parametrize("limits", [{}, {"nice": 1}])
async def test_a_command_line_that_is_too_long_for_the_system_is_a_clear_500(limits: dict[str, int]) -> None:
    entry = sh("echo", "{a}" * 64, parameters={"a": "x*"}, **limits)
    answered = await run(entry, parameters={"a": "x" * 8000})
    assert answered.status == 500
    assert b"the command could not be started" in answered.body


async def test_the_environment_is_clean_for_limited_commands_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    plain, limited = [await run({"argv": ["env"], **limits}) for limits in ({}, {"nice": 1})]
    assert plain.body == limited.body
    assert {line.partition(b"=")[0] for line in plain.body.splitlines()} == {b"PATH", b"HOME"}


async def test_a_limited_command_has_the_signals_of_any_other() -> None:
    script = "grep -E 'Sig(Blk|Ign)' /proc/self/status"
    plain, limited = [await run(sh(script, **limits)) for limits in ({}, {"nice": 1})]
    assert plain.body == limited.body
    assert plain.body.count(b"\n") == 2


async def test_no_file_of_the_server_is_open_in_a_command() -> None:
    for limits in ({}, {"nice": 1}):
        answered = await run({"argv": ["ls", "/proc/self/fd"], **limits})
        assert answered.body.split() == [b"0", b"1", b"2", b"3"]  # 3 is the folder that is listed


async def test_many_at_once_do_not_mix() -> None:
    answers: dict[int, bytes] = {}

    async def one(number: int) -> None:
        answers[number] = (await run({"argv": ["cat"]}, stdin=b"%d\n" % number * 20_000)).body

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(one, number)
    assert answers == {number: b"%d\n" % number * 20_000 for number in range(10)}
