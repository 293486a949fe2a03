"""A program on a terminal of its own: what it shows can be waited for, keys can be typed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from typing import Any

TIMEOUT = 60.0  # seconds; the machine may be busy
ROWS, COLUMNS = 50, 200


def terminal(command: Sequence[str], directory: pathlib.Path, environment: Mapping[str, str]) -> Terminal:
    """Start `command` in a session of its own, with a terminal that it controls."""
    master, slave = pty.openpty()
    # Variables would be taken for its size; pytest's own processes have them.
    environment = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    try:
        process = subprocess.Popen(
            list(command), cwd=directory, env=environment, stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True, preexec_fn=_control,
        )  # fmt: skip
    except BaseException:
        os.close(slave)
        os.close(master)
        raise
    return Terminal(process, master, slave)


def _control() -> None:
    """Make stdin this process's terminal, as a login does: its closing is heard of, also under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """The other end of it. What was shown before a word that was waited for is not looked at again."""

    def __init__(self, process: subprocess.Popen[bytes], master: int, slave: int) -> None:
        self._process = process
        self._master = master
        self._slave = slave  # kept open, so that its modes can be read after the program's end
        self._shown = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._slave)
        os.close(self._master)

    @property
    def pid(self) -> int:
        """The program's."""
        return self._process.pid

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._master, text.encode())

    def signal(self, number: int) -> None:
        """Send it to the program."""
        self._process.send_signal(number)

    def hang_up(self) -> int:
        """Close it, with which the program gets SIGHUP; its exit code."""
        nothing = os.open(os.devnull, os.O_RDWR)
        for end in (self._slave, self._master):
            os.dup2(nothing, end)
        os.close(nothing)
        return self._process.wait(TIMEOUT)

    def wait_for(self, word: str) -> str:
        """What was shown until `word` was, it included."""
        end = time.monotonic() + TIMEOUT
        while word not in self._shown:
            ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise AssertionError(f"{word!r} was not shown, but at last {self._shown[-3000:]!r}")
            self._shown += os.read(self._master, 65536).decode("utf-8", "replace")
        before, _, self._shown = self._shown.partition(word)
        return before + word

    def wait(self) -> int:
        """The exit code of the program; what it shows meanwhile is taken off the terminal."""
        end = time.monotonic() + TIMEOUT
        while self._process.poll() is None:
            assert time.monotonic() < end, f"it goes on: {self._shown[-3000:]!r}"
            if select.select([self._master], [], [], 0.05)[0]:
                self._shown += os.read(self._master, 65536).decode("utf-8", "replace")
        return self._process.returncode

    def modes(self) -> list[Any]:
        """How the terminal is set, see termios.tcgetattr."""
        return termios.tcgetattr(self._slave)
