"""The process that ends the commands of a server which can do so no more."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator

import pytest
import trio

from server_trio.operations.guard import Guard


@contextlib.asynccontextmanager
async def sleeping() -> AsyncIterator[trio.Process]:
    """The leader of a process group."""
    process = await trio.lowlevel.open_process(["sleep", "1000"], start_new_session=True)
    try:
        yield process
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


async def ended(process: trio.Process) -> int:
    with trio.fail_after(20):
        return int(await process.wait())


async def test_what_is_left_when_nobody_speaks_any_more_is_killed() -> None:
    guard = Guard()
    await guard.open()
    async with sleeping() as one, sleeping() as other, sleeping() as done:
        for process in (one, other, done):
            guard.add(process.pid)
        guard.remove(done.pid)
        await guard.close()
        assert await ended(one) == await ended(other) == -signal.SIGKILL
        assert done.returncode is None


async def test_a_guard_that_was_ended_by_somebody_is_replaced_and_knows_all() -> None:
    guard = Guard()
    await guard.open()
    async with sleeping() as before, sleeping() as meanwhile, sleeping() as after:
        guard.add(before.pid)
        assert guard._process is not None
        guard._process.kill()
        await guard._process.wait()
        guard.add(meanwhile.pid)
        await guard.open()
        guard.add(after.pid)
        assert before.returncode is meanwhile.returncode is None
        await guard.close()
        for process in (before, meanwhile, after):
            assert await ended(process) == -signal.SIGKILL


async def test_signals_of_a_terminal_or_of_an_orderly_end_do_not_end_it() -> None:
    guard = Guard()
    await guard.open()
    async with sleeping() as process:
        guard.add(process.pid)
        assert guard._process is not None
        with trio.fail_after(20):  # until it ignores them: its program has to begin
            while ignored(guard._process.pid) == 0:  # noqa: ASYNC110
                await trio.sleep(0.01)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(guard._process.pid, number)
        await guard.close()
        assert await ended(process) == -signal.SIGKILL


def ignored(pid: int) -> int:
    """The signals that a process ignores, as a mask (proc_pid_status(5)), if SIGTERM is among them."""
    with open(f"/proc/{pid}/status") as status:
        mask = int(next(line for line in status if line.startswith("SigIgn")).split()[1], 16)
    return mask if mask & (1 << (signal.SIGTERM - 1)) else 0


async def test_without_commands_there_is_none() -> None:
    guard = Guard()
    await guard.close()
    assert guard._process is None


async def test_where_none_can_be_started_it_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(subprocess.sys, "executable", "/no/such/python")  # type: ignore[attr-defined]
    guard = Guard()
    await guard.open()
    await guard.close()
    assert "no guard for commands could be started" in caplog.text
