"""What becomes of an operation that was given up: people look at it, have it done again, or throw it away."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import msgpack
import pytest

from tests.acceptance.raw import until
from tests.harness.processes import SOURCES

from .crowd import Crowd
from .test_takeover import end

FUNCTIONS = """
import os, signal, time

from server_trio.calls import call


@call(idempotent=True)
def work(folder, password):
    if not os.path.exists(folder + "/mended"):
        os.kill(os.getpid(), signal.SIGKILL)
    with open(folder + "/done", "a") as file:
        file.write("done\\n")
"""
SETTINGS = "CHANNELS_ASYNC_SERVER = {'CALL_MODULES': ['deadly'], 'ATTEMPTS': 1, 'DEADLINES': {'CALL': 50}}"


def dead(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in the directory that has raw_settings.py."""
    command = [sys.executable, "-m", "server_trio", "dead", "raw_settings", *words]
    return subprocess.run(command, cwd=directory, env=SOURCES, capture_output=True, text=True, timeout=60)


@pytest.fixture
def letter(redis, start_server, tmp_path):
    """The line of `list` on a call that killed its server, and a server that lives."""
    (tmp_path / "deadly.py").write_text(FUNCTIONS)
    first = start_server(SETTINGS)
    with Crowd(redis) as crowd:
        kwargs = {"folder": str(tmp_path), "password": "geheim"}
        name = crowd.ask("CALL", function="deadly.work", kwargs=kwargs)
        assert first.process.wait(60) == -signal.SIGKILL
        second = start_server(SETTINGS)
        crowd.wait([name])
        assert crowd.status(name) == 502
        assert f" {crowd.ids[name]} is given up: " in second.process.output()
    listed = dead(tmp_path)
    assert (listed.returncode, listed.stderr) == (0, "")
    (line,) = listed.stdout.splitlines()
    assert line.startswith(f"{crowd.ids[name]}  ")
    yield line
    end(second)


def test_it_is_listed_and_shown_without_secrets(letter, tmp_path):
    id, _, what, reason = letter.split("  ")
    assert (what, reason) == ("CALL deadly.work", "a server died while it worked on this")
    shown = dead(tmp_path, "show", id)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "reason: a server died while it worked on this\nbegun: 1 time\n" in shown.stdout
    assert "function: deadly.work" in shown.stdout
    assert "'password': '***'" in shown.stdout
    assert "geheim" not in shown.stdout + letter
    (summary,) = json.loads(dead(tmp_path, "--format", "json").stdout)
    assert (summary["id"], summary["target"], summary["reason"]) == (id, what, reason)
    details = json.loads(dead(tmp_path, "show", id, "--format", "json").stdout)
    assert details["message"]["kwargs"] == {"folder": str(tmp_path), "password": "***"}


def test_it_is_done_once_more_and_is_gone_then(letter, tmp_path, redis):
    id = letter.split()[0]
    (tmp_path / "mended").touch()
    replayed = dead(tmp_path, "replay", id)
    assert (replayed.returncode, replayed.stdout, replayed.stderr) == (0, "", "")
    until("it is done", (tmp_path / "done").exists)
    assert redis.command("EXISTS", "asgi::dead") == 0
    again = dead(tmp_path, "replay", id)
    assert again.returncode == 1
    assert again.stderr == f"server_trio: there is no dead letter {id}; there are none\n"
    assert (tmp_path / "done").read_text() == "done\n"


def test_it_is_dropped(letter, tmp_path, redis):
    assert dead(tmp_path, "drop", letter.split()[0]).returncode == 0
    assert redis.command("EXISTS", "asgi::dead") == 0
    assert dead(tmp_path).stdout == ""


def test_what_is_no_operation_cannot_be_replayed_and_stays(start_server, tmp_path, redis):
    start_server()
    body = msgpack.packb({"operation": "DANCE"})
    redis.command("LPUSH", "asgi::dead", b"abc 1500000000.0 no_reason 3 1500000000.0 request.async " + body)
    assert "a bad message  no reason" in dead(tmp_path, "list").stdout
    replayed = dead(tmp_path, "replay", "abc")
    assert replayed.returncode == 1
    assert replayed.stderr.startswith("server_trio: abc is no operation and cannot be replayed: ")
    assert redis.command("LLEN", "asgi::dead") == 1
