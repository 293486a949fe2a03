"""Sees to it that no command outlives its server, even one that is killed: see last_guard.py."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import trio

logger = logging.getLogger(__name__)

_PROGRAM: Final = str(Path(__file__).with_name("last_guard.py"))

#: Seconds for the guard to end when it is needed no more. Milliseconds are usual.
END_TIME: Final = 2.0


class Guard:
    """A process that is told of every command's group: started with the first, ended by `close`.

    A command that begins in the very millisecond in which the server is killed can escape it.
    """

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._process: trio.Process | None = None
        self._pipe: int | None = None  # to its stdin
        self._starting = trio.Lock()

    async def open(self) -> None:
        """Have the process run. Where it cannot be started, that is said and commands go without it."""
        async with self._starting:
            if self._pipe is not None and self._process is not None and self._process.returncode is None:
                return
            self._hang_up()
            reading, writing = os.pipe()
            os.set_blocking(writing, False)
            try:
                words = [sys.executable, "-I", "-S", _PROGRAM, str(os.getpid())]
                self._process = await trio.lowlevel.open_process(
                    words, stdin=reading, stdout=subprocess.DEVNULL, start_new_session=True, cwd="/"
                )
            except OSError as error:
                os.close(writing)
                logger.error("no guard for commands could be started (%s); should this server be killed,"
                             " they go on", error)  # fmt: skip
                return
            except BaseException:
                os.close(writing)
                raise
            finally:
                os.close(reading)
            self._pipe = writing
            for group in self._groups:
                self._tell(f"+{group}\n")

    def add(self, group: int) -> None:
        """A process group has begun."""
        self._groups.add(group)
        self._tell(f"+{group}\n")

    def remove(self, group: int) -> None:
        """It is no more."""
        self._groups.discard(group)
        self._tell(f"-{group}\n")

    async def close(self) -> None:
        """End the process. What is still there of the groups it kills."""
        self._hang_up()
        if self._process is not None:
            with trio.move_on_after(END_TIME, shield=True):
                await self._process.wait()

    def _hang_up(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    def _tell(self, line: str) -> None:
        if self._pipe is None:
            return
        try:
            os.write(self._pipe, line.encode("ascii"))  # whole or not at all: pipe(7), PIPE_BUF
        except OSError:  # somebody has ended or stopped it; `open` starts another one
            assert self._process is not None
            self._process.kill()  # first: the end of the pipe would be that of the commands
            self._hang_up()
