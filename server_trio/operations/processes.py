"""A process that leads a group of its own: started without a shell, and ended with all of its group.

Every command runs in a session and process group of its own (setsid), so one signal reaches whatever
it has started. What puts itself into another session is out of reach.
"""

from __future__ import annotations

import functools
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import trio

from channels_async import command_rules
from channels_async.process_groups import any_living, signal_group

from ..commands import Command
from ..errors import OperationError

logger = logging.getLogger(__name__)

#: Seconds that the kernel is given to end what got SIGKILL. Milliseconds are usual.
KILL_TIME: Final = 1.0

#: Seconds between looks at a group whose leader has ended; nothing tells when the rest has.
FIRST_LOOK: Final = 0.002
LONGEST_LOOK: Final = 0.05

_LIMITED_EXEC: Final = str(Path(__file__).with_name("limited_exec.py"))


class Group:
    """A running process and its group. Whoever has started one calls `end`, whatever happens."""

    def __init__(self, process: trio.Process, report: trio.lowlevel.FdStream | None) -> None:
        self.process = process
        self._report = report

    async def wait_begun(self) -> None:
        """Return once the program itself runs. Raises OperationError where it cannot."""
        if self._report is None:
            return
        reason = await self._report.receive_some(1000)
        if reason:
            raise _not_started(reason.decode("utf-8", "replace"))

    async def wait(self) -> int:
        """Wait for the leader, then kill what it has left in its group; its exit status as in subprocess."""
        returncode: int = await self.process.wait()
        self._signal(signal.SIGKILL)
        return returncode

    async def end(self, kill_after: float) -> None:
        """SIGTERM to the group; SIGKILL to what is left of it after `kill_after` seconds. It is reaped.

        Cancellation: to be called in a shielded scope that allows for kill_after and twice KILL_TIME. Where
        a standstill takes all of that, SIGKILL is sent, and its effect is not waited for.
        """
        try:
            if self.process.returncode is None:
                self._signal(signal.SIGTERM)
                with trio.move_on_after(kill_after):
                    await self.process.wait()
                    await self._wait_empty()
        finally:
            self._signal(signal.SIGKILL)
        with trio.move_on_after(KILL_TIME):
            await self.process.wait()
        with trio.move_on_after(KILL_TIME) as scope:
            await self._wait_empty()
        if scope.cancelled_caught:  # they wait for the kernel, or have become another user's
            logger.warning("processes of the group %d are still there after SIGKILL", self.process.pid)

    def close(self) -> None:
        """Close the pipes."""
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr, self._report):
            if isinstance(stream, trio.lowlevel.FdStream):
                stream.close()

    async def _wait_empty(self) -> None:
        """Return when nothing of the group lives."""
        delay = FIRST_LOOK
        while self._signal(0):
            await trio.sleep(delay)
            if not await trio.to_thread.run_sync(any_living, self.process.pid):
                self._signal(0)  # reaps those that have just died
                return
            delay = min(delay * 2, LONGEST_LOOK)

    def _signal(self, number: int) -> bool:
        """Signal every process of the group; whether there was any."""
        return signal_group(self.process.pid, number, self.process.returncode is not None)


async def start(command: Command, argv: Sequence[bytes], *, stdin: bool) -> Group:
    """Start a command with pipes for stdout and stderr, and for stdin where there is some.

    Raises OperationError. Cancellation: a process that has been started is returned; or none has been.
    """
    rules = command.rules
    open_process = functools.partial(
        trio.lowlevel.open_process,
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=command.environment,
        cwd=rules.cwd,
        start_new_session=True,
    )
    try:
        if not command.limited:
            return Group(await open_process(argv, executable=command.program), None)
        reading, writing = os.pipe()
        try:
            words = [
                *(sys.executable, "-I", "-S", _LIMITED_EXEC, str(writing)),
                *map(str, (rules.nice, rules.cpu_seconds, rules.memory)),
                "keep" if "LC_CTYPE" in command.environment else "drop",
                command.program,
            ]
            process = await open_process([*words, *argv], pass_fds=(writing,))
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        return Group(process, trio.lowlevel.FdStream(reading))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise _not_started(f"{type(error).__name__}: {error}") from error


def _not_started(reason: str) -> OperationError:
    logger.error("a command could not be started: %s", reason)
    return OperationError(command_rules.NOT_STARTED)
