"""A fresh process in this one's place: started as this one was, and waited for until it is ready.

The fresh process reads its settings anew, and the code too. It inherits the environment, the output, the
session and the process group. Once it is ready it says so on a pipe and stands on its own; before, it
lives no longer than it takes to find out that it will not get ready.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import trio

from .errors import ServerTrioError

#: Names the descriptor on which a process says that it is ready. Not a setting: only for a successor.
READY_VARIABLE: Final = "SERVER_TRIO_READY_FD"

#: Seconds from the start to being ready: Django's imports, a connection to each shard.
READY_TIMEOUT: Final = 60.0

#: Seconds from SIGTERM to SIGKILL, for a process that has not got ready.
END_TIMEOUT: Final = 5.0


class ReloadFailed(ServerTrioError):
    """There is no fresh process; the text says why."""


@dataclass(frozen=True)
class Origin:
    """How this process was started: the words of its command line, and where."""

    words: Sequence[str]
    directory: str


def own_origin() -> Origin:
    """That of this process. Call it at the start, before anything is moved.

    The directory is the shell's name for it where that is right: a symbolic link that a deployment points
    at the next release is followed anew.
    """
    directory = os.getcwd()
    named = os.environ.get("PWD", "")
    with contextlib.suppress(OSError):  # it is no directory any more
        if os.path.isabs(named) and os.path.samefile(named, directory):
            directory = named
    return Origin([sys.executable, *sys.orig_argv[1:]], directory)


async def start_successor(
    origin: Origin, environment: Mapping[str, str] | None = None, descriptors: Sequence[int] = ()
) -> int:
    """Start it and wait until it is ready; its process id. Raises ReloadFailed, and then it has ended.

    It inherits `descriptors`, and gets `environment` beside this process's own.

    When this is cancelled, SIGTERM goes to the fresh process, whatever it is doing.
    """
    reading, writing = os.pipe()
    async with trio.lowlevel.FdStream(reading) as ready:
        try:
            process = await trio.lowlevel.open_process(
                list(origin.words),
                cwd=origin.directory,
                env={**_inherited(os.environ), **(environment or {}), READY_VARIABLE: str(writing)},
                pass_fds=[writing, *descriptors],
            )
        except OSError as error:
            raise ReloadFailed(f"could not be started: {error}") from error
        finally:
            os.close(writing)
        try:
            with trio.move_on_after(READY_TIMEOUT):
                if await ready.receive_some(1):
                    return process.pid
                code = await process.wait()
                raise ReloadFailed(f"ended with exit code {code} before it was ready (it says why above)")
        except trio.Cancelled:
            process.terminate()
            raise
        await _end(process)
        raise ReloadFailed(f"was not ready within {READY_TIMEOUT:g} s")


def _inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a fresh process: systemd's watchdog waits for it now, whatever its process id."""
    return {name: value for name, value in environment.items() if name != "WATCHDOG_PID"}


async def _end(process: trio.Process) -> None:
    process.terminate()
    with trio.move_on_after(END_TIMEOUT, shield=True):
        await process.wait()
    process.kill()  # does nothing to one that has ended
    await process.wait()


def take_ready_pipe() -> int | None:
    """The descriptor to say on that this process is ready; None if it is nobody's successor.

    Taken out of the environment, so that no process started from here thinks that it is one.
    """
    given = os.environ.pop(READY_VARIABLE, "")
    if not given.isdigit():
        return None
    try:
        os.set_inheritable(int(given), False)
    except OSError:
        return None
    return int(given)


def say_ready(pipe: int | None) -> None:
    """Tell the predecessor, if there is one and it still listens."""
    if pipe is None:
        return
    with contextlib.suppress(OSError):  # it has ended meanwhile; then nobody waits
        os.write(pipe, b"1")
    os.close(pipe)
