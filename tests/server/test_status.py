"""The command that shows all servers of a site: with reports on a real Redis, and how it ends."""

from __future__ import annotations

import json
import pathlib
import shlex
import signal
import sys
import time

import pytest
import trio

from server_trio.exit_codes import ExitCode
from tests.harness.redis_server import RedisServer
from tests.layers.watch import info

from .command_line import begun, beside, reporting, write
from .test_cli import LAYER, complaint, start, surroundings


async def test_all_servers_are_shown_as_a_table(redis: RedisServer, tmp_path: pathlib.Path) -> None:
    write(tmp_path, redis.url)
    async with reporting(redis) as layer:
        await layer.send("request.async", {})
        ended = await beside(tmp_path, "status", "project", "--interval", "0.1")
    assert ended.stderr == ""
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("1 messages wait on request.async, the oldest for ")
    assert lines[3].split()[:2] == ["h:7", "running"]
    assert lines[6].split() == ["CALL", "3", "0.0", "-", "-", "-", "-", "7", "2", "(timeout", "2)"]
    assert ended.returncode == ExitCode.OK


async def test_for_programs_it_is_json(redis: RedisServer, tmp_path: pathlib.Path) -> None:
    write(tmp_path, redis.url)
    async with reporting(redis):
        variables = {"CHANNELS_ASYNC_FORMAT": "json", "CHANNELS_ASYNC_INTERVAL": "0"}
        ended = await beside(tmp_path, "status", "project", **variables)
    found = json.loads(ended.stdout)
    assert found["channel"] == "request.async"
    assert found["queue"] == {"length": 0, "oldest_age": 0.0}
    assert found["servers"][0]["id"] == "one"
    assert found["operations"][0]["rate"] == pytest.approx(0.07)  # one reading: since the start
    assert ended.returncode == ExitCode.OK


async def test_servers_that_take_no_operations_are_shown_and_end_with_1(
    redis: RedisServer, tmp_path: pathlib.Path
) -> None:
    write(tmp_path, redis.url)
    async with reporting(redis, state="draining"):
        ended = await beside(tmp_path, "status", "project", "--interval", "0")
    assert "h:7" in ended.stdout
    assert "none of them takes messages from request.async" in complaint(ended)
    assert ended.returncode == ExitCode.FAILED


@pytest.mark.parametrize("command", ["status", "top"])
async def test_a_server_that_has_been_killed_is_no_health(
    redis: RedisServer, tmp_path: pathlib.Path, command: str
) -> None:
    write(tmp_path, redis.url)
    async with reporting(redis, at=time.time() - 6):  # its last word stays for ten seconds
        ended = await beside(tmp_path, command, "project", "--interval", "0")
        assert "dead?, silent for" in ended.stdout
        assert complaint(ended) == "server_trio: no server answers on this layer"
        assert ended.returncode == ExitCode.FAILED


def test_without_a_server_it_ends_with_1_and_says_what_waits(
    redis: RedisServer, tmp_path: pathlib.Path
) -> None:
    write(tmp_path, redis.url)
    redis.command("RPUSH", "asgi:request.async", "asgi:abc")
    ended = start(tmp_path, "status", "project")
    assert "no server answers on this layer; 1 messages wait" in complaint(ended)
    assert ended.stdout == ""
    assert ended.returncode == ExitCode.FAILED
    empty = json.loads(start(tmp_path, "status", "project", "--format", "json").stdout)
    assert (empty["servers"], empty["queue"]["length"]) == ([], 1)


def test_wrong_settings_end_with_2_and_a_redis_that_is_away_with_3(tmp_path: pathlib.Path) -> None:
    (tmp_path / "project.py").write_text(LAYER)
    away = start(tmp_path, "status", "project")
    assert "127.0.0.1:1" in complaint(away)
    assert away.returncode == ExitCode.LAYER
    wrong = start(tmp_path, "status", "project", "--interval", "soon")
    assert "the command line's --interval" in complaint(wrong)
    assert wrong.returncode == ExitCode.SETTINGS
    assert start(tmp_path, "status", "no.such").returncode == ExitCode.SETTINGS


def test_a_layer_without_redis_has_no_servers(tmp_path: pathlib.Path) -> None:
    text = "SECRET_KEY = 'x'\nCHANNEL_LAYERS = {'default': {'BACKEND': 'asgiref.inmemory.ChannelLayer'}}"
    (tmp_path / "project.py").write_text(text)
    ended = start(tmp_path, "status", "project")
    assert "no server answers" in complaint(ended)
    assert ended.returncode == ExitCode.FAILED


async def test_ctrl_c_and_a_reader_that_has_had_enough_leave_no_traceback(
    redis: RedisServer, tmp_path: pathlib.Path
) -> None:
    write(tmp_path, redis.url)
    async with reporting(redis):
        redis.command("CONFIG", "RESETSTAT")
        with begun(tmp_path, "status", "project", "--interval", "600") as waiting:
            with trio.fail_after(180):  # until it has read the reports; the machine may be busy
                while b"cmdstat_hkeys" not in info(redis, "commandstats"):
                    assert waiting.poll() is None, waiting.communicate()
                    await trio.sleep(0.2)
            waiting.send_signal(signal.SIGINT)
            _, said = await trio.to_thread.run_sync(waiting.communicate)
            assert (waiting.returncode, said) == (-signal.SIGINT, "")
        with begun(tmp_path, "status", "project", "--interval", "0") as unread:
            assert unread.stdout is not None
            unread.stdout.close()
            assert unread.stderr is not None
            assert await trio.to_thread.run_sync(unread.stderr.read) == ""
            assert unread.wait() == ExitCode.FAILED


async def test_letters_that_the_terminal_does_not_know_are_spelled(
    redis: RedisServer, tmp_path: pathlib.Path
) -> None:
    write(tmp_path, redis.url)
    async with reporting(redis, host="h\xf6st"):
        ended = await beside(tmp_path, "status", "project", "--interval", "0", PYTHONIOENCODING="ascii")
    assert "h\\xf6st:7" in ended.stdout
    assert ended.returncode == ExitCode.OK


@pytest.mark.parametrize("command", [["status", "--interval", "0"], ["check"], ["dead"]])
@pytest.mark.parametrize(("where", "words"), [(">&-", "stdout is closed"), (">/dev/full", "No space left")])
async def test_what_cannot_be_written_is_said_in_a_line(
    redis: RedisServer, tmp_path: pathlib.Path, command: list[str], where: str, words: str
) -> None:
    write(tmp_path, redis.url)
    letter = b"a1 1.5 reason 2 1.0 request.async \x80"
    redis.command("LPUSH", "asgi::dead", letter)
    line = shlex.join([sys.executable, "-m", "server_trio", command[0], "project", *command[1:]])
    async with reporting(redis):
        ended = await trio.run_process(
            ["/bin/sh", "-c", f"{line} {where}"], cwd=tmp_path, env=surroundings(), check=False,
            capture_stderr=True,
        )  # fmt: skip
    (said,) = ended.stderr.decode().splitlines()
    assert said.startswith("server_trio: ")
    assert words in said
    assert ended.returncode == ExitCode.FAILED
