"""The live view of a site's servers, on a real terminal."""

from __future__ import annotations

import functools
import io
import pathlib
import signal
import sys
import termios

import pytest
import trio
from rich.console import Console

from server_trio.exit_codes import ExitCode
from server_trio.tools.reading import Reading
from server_trio.tools.top import drawn
from tests.harness.redis_server import RedisServer, redis_server

from .command_line import REPORT, beside, reporting, write
from .terminal import Terminal, terminal
from .test_cli import LAYER, complaint, start, surroundings

RUNNING = [
    {"id": "a", "operation": "CALL", "target": "[red]not markup[/red]", "begun_at": 1.0, "deadline_at": None}
]


def top(directory: pathlib.Path, *words: str) -> Terminal:
    environment = {**surroundings(), "TERM": "xterm"}
    return terminal([sys.executable, "-m", "server_trio", "top", "project", *words], directory, environment)


def is_as_before(screen: Terminal) -> bool:
    """Whether the terminal shows what is typed and waits for whole lines."""
    return screen.modes()[3] & (termios.ECHO | termios.ICANON) == termios.ECHO | termios.ICANON


def test_in_a_narrow_terminal_what_varies_is_cut_first() -> None:
    finished = [["REQUEST", "ok", 5], ["REQUEST", "timeout", 2], ["REQUEST", "upstream_unreachable", 2]]
    found = {**REPORT, "pid": 4194304, "host": "host", "at": 1.0, "finished": finished}
    silent, now = {**found, "id": "two", "pid": 4194303, "at": -9.0}, 1.5
    screen = Console(width=80, file=io.StringIO())
    screen.print(drawn("request.async", [Reading([found, silent], None, now)]))
    assert isinstance(screen.file, io.StringIO)
    shown = screen.file.getvalue()
    for words in ("host:4194304", "host:4194303", "running", "dead?", "CONSUMING", "P50    P99"):
        assert words in shown
    assert "silent for" not in shown


@pytest.mark.parametrize("end", ["q", "\x03", "SIGTERM"])
async def test_it_shows_the_servers_until_it_is_ended(
    redis: RedisServer, tmp_path: pathlib.Path, end: str
) -> None:
    write(tmp_path, redis.url)
    async with reporting(redis, running=RUNNING) as layer:
        with top(tmp_path, "--interval", "0.1") as screen:
            wait_for = functools.partial(trio.to_thread.run_sync, screen.wait_for)
            await wait_for("1 servers, 3 operations in flight")
            await wait_for("nothing waits on request.async")
            await wait_for("h:7")
            await wait_for("[red]not markup[/red]")
            await layer.send("request.async", {})
            await wait_for("1 messages wait on request.async")  # it is live
            assert not is_as_before(screen)
            if end == "SIGTERM":
                screen.signal(signal.SIGTERM)
            else:
                screen.type(end)
            assert await trio.to_thread.run_sync(screen.wait) == ExitCode.OK
            assert is_as_before(screen)


def test_it_waits_for_servers_and_for_a_redis_that_has_gone(tmp_path: pathlib.Path) -> None:
    with redis_server() as redis:
        write(tmp_path, redis.url)
        with top(tmp_path, "--interval", "0.1") as screen:
            screen.wait_for("no server answers on this layer")
            redis.kill()
            screen.wait_for("what waits on request.async cannot be seen")
            screen.type("q")
            assert screen.wait() == ExitCode.OK


async def test_without_a_terminal_it_prints_once(redis: RedisServer, tmp_path: pathlib.Path) -> None:
    write(tmp_path, redis.url)
    async with reporting(redis):
        ended = await beside(tmp_path, "top", "project", "--interval", "0")
    assert "h:7" in ended.stdout
    assert "\x1b" not in ended.stdout
    assert ended.returncode == ExitCode.OK
    nobody = start(tmp_path, "top", "no.such")
    assert nobody.returncode == ExitCode.SETTINGS


def test_a_redis_that_is_away_ends_it_with_3(tmp_path: pathlib.Path) -> None:
    (tmp_path / "project.py").write_text(LAYER)
    ended = start(tmp_path, "top", "project")
    assert "127.0.0.1:1" in complaint(ended)
    assert ended.returncode == ExitCode.LAYER
    with top(tmp_path) as screen:
        screen.wait_for("127.0.0.1:1")
        assert screen.wait() == ExitCode.LAYER
        assert is_as_before(screen)
