"""However a command ends, nothing of its process group lives on, and nobody waits for what it left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from server_trio.errors import SendUnknown, ShuttingDown
from server_trio.layers.memory import MemoryLayer
from server_trio.replies import ReplyState
from tests.client.command_cases import sh
from tests.harness.processes import ROOT, SOURCES
from tests.harness.trio_tests import jump_once

from .command_support import REPLY, answer, begin, run

#: Grandchildren, and a leader that tells its number once they run.
FAMILY = "sleep 1000 & sleep 1000 & (sleep 1000 & wait) & echo $$; "


def members(group: int) -> list[str]:
    """The processes of a group, zombies included: `pid state` of each (proc(5))."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except (OSError, NotADirectoryError):
            continue
        if entry.name.isdigit() and int(fields[2]) == group:
            found.append(f"{entry.name} {fields[0]}")
    return found


def living(group: int) -> list[str]:
    """Those of a group that are no zombies; a zombie of another parent is that parent's to reap."""
    return [member for member in members(group) if not member.endswith("Z")]


async def first_words(layer: MemoryLayer) -> bytes:
    """The first content of the answer."""
    (received,) = await layer.receive(0, [REPLY[:-1]], 1)
    assert received.content["status"] == 200
    content: bytes = received.content["content"]
    return content


WAITS = FAMILY + "wait"
IGNORES_TERM = 'trap "" TERM; ' + FAMILY + "while :; do wait; done"


@pytest.mark.jumpable
@pytest.mark.parametrize("script", [WAITS, IGNORES_TERM])
@pytest.mark.parametrize("end", ["deadline", "interrupt", "cancel"])
async def test_whoever_ends_it_the_whole_group_is_gone(
    script: str, end: str, caplog: pytest.LogCaptureFixture
) -> None:
    layer = MemoryLayer()
    timeout = 60.0 if end == "deadline" else None
    running = await begin(sh(script, kill_after=0.2), layer, timeout=timeout)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(running.run)
        group = int(await first_words(layer))
        assert len(living(group)) >= 4
        if end == "deadline":
            await jump_once(lambda: True, 60.0)
        elif end == "interrupt":
            running.interrupt(ShuttingDown("the server ends"))
        elif end == "cancel":
            nursery.cancel_scope.cancel()
    assert living(group) == []
    assert "are still there" not in caplog.text
    assert running.outcome == {"deadline": "timeout", "interrupt": "shutdown", "cancel": "ok"}[end]


async def test_a_leader_that_ends_takes_its_group_along() -> None:
    answered = await run(sh(FAMILY + "exit 0"))
    assert (answered.status, answered.outcome) == (200, "ok")
    assert living(int(answered.body)) == []


async def test_a_leader_that_fails_takes_its_group_along(tmp_path: Path) -> None:
    answered = await run(sh(f"exec 1>{tmp_path}/pid; {FAMILY} exit 3"))
    assert (answered.status, answered.outcome) == (500, "error")
    assert living(int((tmp_path / "pid").read_text())) == []


async def test_what_writes_too_much_is_ended() -> None:
    answered = await run(sh("echo $$; sleep 1000 & yes", max_output=500_000, kill_after=0.2))
    assert (answered.status, answered.outcome) == (200, "error")
    assert 0 < len(answered.body) <= 500_000
    assert living(int(answered.body.split()[0])) == []


async def test_a_program_is_asked_to_end_before_it_is_killed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "server_trio")
    layer = MemoryLayer()
    # The number of the leader comes from its child: one that is still being forked would lose SIGTERM.
    child = "sh -c 'echo $PPID; exec sleep 1000'"
    script = f"trap 'echo cleaned up >&2; exit 0' TERM; {child} & wait"
    running = await begin(sh(script, kill_after=10), layer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(running.run)
        group = int(await first_words(layer))
        running.interrupt(ShuttingDown("the server ends"))
    assert "stderr: cleaned up" in caplog.text
    assert living(group) == []


@pytest.mark.parametrize("_", range(8))  # which of two tasks that are ready goes on first is chance
async def test_last_words_are_heard_by_a_server_that_stood_still_meanwhile(
    _: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It finds the group gone before it has begun to listen."""
    caplog.set_level("INFO", "server_trio")
    killpg = os.killpg

    def stand_still(group: int, number: int) -> None:
        killpg(group, number)
        if number == signal.SIGTERM:
            os.waitid(os.P_PID, group, os.WEXITED | os.WNOWAIT)

    monkeypatch.setattr(os, "killpg", stand_still)
    layer = MemoryLayer()
    running = await begin(sh("trap 'echo the last >&2; exit 0' TERM; echo $$; while :; do :; done"), layer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(running.run)
        await first_words(layer)
        running.interrupt(ShuttingDown("the server ends"))
    assert "stderr: the last" in caplog.text


@pytest.mark.jumpable
async def test_a_standstill_longer_than_a_group_has_to_end_leaves_nothing_of_it_and_no_word_unheard(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "server_trio")
    killpg = os.killpg
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, trio.testing.MockClock)

    def stand_still(group: int, number: int) -> None:
        killpg(group, number)
        if number == signal.SIGTERM:
            os.waitid(os.P_PID, group, os.WEXITED | os.WNOWAIT)
            clock.jump(30.0)

    monkeypatch.setattr(os, "killpg", stand_still)
    layer = MemoryLayer()
    stays = """sh -c 'trap "" TERM; echo $PPID; while :; do sleep 1; done'"""
    running = await begin(sh(f"trap 'echo the last >&2; exit 0' TERM; {stays} & wait"), layer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(running.run)
        group = int(await first_words(layer))
        running.interrupt(ShuttingDown("the server ends"))
    assert "stderr: the last" in caplog.text
    with trio.fail_after(30):
        while living(group):  # noqa: ASYNC110 - nothing tells, and nobody has waited for it
            await trio.sleep(0.01)


async def test_an_answer_that_cannot_be_sent_ends_the_command() -> None:
    class Doubtful(MemoryLayer):
        async def send(self, channel: str, message: Any, **more: Any) -> None:
            await super().send(channel, message, **more)
            if "status" not in message:
                raise SendUnknown("the connection broke")

    layer = Doubtful(capacity=1000)
    running = await begin(sh("echo $$; sleep 1000 & yes", kill_after=0.2), layer)
    await running.run()
    assert (running.outcome, running.reply.state) == ("reply_lost", ReplyState.LOST)
    assert living(int((await first_words(layer)).split()[0])) == []


async def test_a_process_that_left_the_group_does_not_hold_the_answer() -> None:
    answered = await run(sh("setsid sleep 1000 & echo $!"))
    try:
        assert (answered.status, answered.outcome) == (200, "ok")
    finally:
        os.kill(int(answered.body), signal.SIGKILL)


REAPER = """
import ctypes, os, sys

import channels_compat

channels_compat.install()
import trio, trio.testing

from server_trio.layers.memory import MemoryLayer
from tests.client.command_cases import sh
from tests.server.command_support import REPLY, begin

assert ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0) == 0  # PR_SET_CHILD_SUBREAPER, prctl(2)
script = "(sh -c 'sleep 1000 & echo $!') ; sleep 1000 & kill -9 $!; wait; echo so far; " + sys.argv[1]
clock = trio.testing.MockClock(rate=1.0)
orphan = 0

async def main():
    global orphan
    layer, said = MemoryLayer(), b""
    running = await begin(sh(script, kill_after=0.2), layer, timeout=60.0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(running.run)
        while b"so far" not in said:
            [received] = await layer.receive(0, [REPLY[:-1]], 1)
            said += received.content["content"]
        orphan = int(said.split()[0])
        clock.jump(60.0)

trio.run(main, clock=clock)
try:
    os.kill(orphan, 0)
except ProcessLookupError:
    print("the orphan is gone")
try:
    print("still a child:", os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    print("no child is left")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="subreapers are Linux's")
@pytest.mark.parametrize("ending", ["exit 0", "sleep 1000"])
def test_a_server_that_orphans_are_given_to_reaps_those_of_its_commands(ending: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", REAPER, ending],
        cwd=ROOT,
        env={**os.environ, **SOURCES},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stdout.splitlines() == ["the orphan is gone", "no child is left"], ended.stderr


def test_the_numbers_of_processes_are_told() -> None:
    assert any(re.fullmatch(rf"{os.getpid()} [A-Z]", member) for member in members(os.getpgrp()))


class Slow(MemoryLayer):
    """Its first message waits at a gate; `group` is what it tells."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.gate = trio.Event(), trio.Event()
        self.group = 0

    async def send(self, channel: str, message: Any, **more: Any) -> None:
        if not self.group:
            self.group = int(message["content"])
            self.begun.set()
            await self.gate.wait()
        await super().send(channel, message, **more)


async def test_what_was_written_last_is_read_also_by_a_server_that_stood_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server_trio.operations.command.LAST_READ", 0.0)  # as if that time had passed
    layer = Slow()
    go = tmp_path / "go"
    running = await begin(sh(f"echo $$; until [ -e {go} ]; do sleep 0.01; done; echo two"), layer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(running.run)
        with trio.fail_after(60):
            await layer.begun.wait()
            go.touch()
            while members(layer.group):  # noqa: ASYNC110 - nothing else tells
                await trio.sleep(0.01)
            await trio.testing.wait_all_tasks_blocked()
        layer.gate.set()
    answered = await answer(layer, running)
    assert (answered.status, answered.body) == (200, f"{layer.group}\ntwo\n".encode())
