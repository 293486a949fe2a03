"""Real processes under a test's control: started, listened to, signalled, ended, and none left behind.

    with started([sys.executable, "-m", "server_trio", "site.settings"], name="server") as server:
        server.wait_for_line("ready")
        ...
        server.signal(signal.SIGTERM)
        assert server.wait() == 0

Every process leads a group of its own, so that its children end with it. Its output is printed on
leaving, which pytest shows for a test that failed.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

START_TIMEOUT = 60.0  # seconds; Django on a machine under load takes its time to import
ROOT = Path(__file__).resolve().parents[2]
#: The environment in which a Python 3 child finds the tree's packages, installed or not.
SOURCES = {"PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in (".", "client", "compat"))}

END_TIMEOUT = 40.0  # seconds from a signal to the end, on a machine under load


class ProcessFailed(AssertionError):
    """A process did not do what was waited for; the text holds what it wrote."""


class Process:
    """A running process whose output (stdout and stderr in one) is collected line by line."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        name: str = "",
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
    ) -> None:
        """`env` is added to this process's own environment; Python's output is unbuffered."""
        self.name = name or Path(arguments[0]).name
        self._popen = subprocess.Popen(
            list(arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._at_end = False
        self._reader = threading.Thread(target=self._read, name=f"output of {self.name}", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            with self._changed:
                self._lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))
                self._changed.notify_all()
        with self._changed:
            self._at_end = True
            self._changed.notify_all()

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._popen.poll()

    def output(self) -> str:
        """What it has written so far."""
        with self._changed:
            return "\n".join(self._lines)

    def wait_for_line(self, pattern: str, *, count: int = 1, timeout: float = START_TIMEOUT) -> str:
        """The `count`th line that `pattern` (a regular expression) is found in, past ones included.

        Fails when the output ends or `timeout` seconds pass without it.
        """

        def found() -> list[str]:
            return [line for line in self._lines if re.search(pattern, line)]

        with self._changed:
            self._changed.wait_for(lambda: len(found()) >= count or self._at_end, timeout)
            lines = found()
        if len(lines) >= count:
            return lines[count - 1]
        ended = f"ended with {self.wait()}" if self._at_end else f"still runs after {timeout} s"
        raise ProcessFailed(f"{self.name} {ended} without a line like {pattern!r}:\n{self.output()}")

    def wait_for_port(self, port: int, *, host: str = "127.0.0.1", timeout: float = START_TIMEOUT) -> None:
        """Return once something accepts connections at `port`; fails when the process ends first."""
        end = time.monotonic() + timeout
        while time.monotonic() < end and self.returncode is None:
            with contextlib.suppress(OSError), socket.create_connection((host, port), 1.0):
                return
            time.sleep(0.01)  # a connect that is refused leaves nothing to wait on
        raise ProcessFailed(f"{self.name} does not listen at {host}:{port}:\n{self.output()}")

    def signal(self, number: int) -> None:
        """Send a signal to the process alone, not to its children."""
        self._popen.send_signal(number)

    def wait(self, timeout: float = END_TIMEOUT) -> int:
        """Its exit status, once it has ended and all its output is here; fails when it does not end."""
        try:
            status = self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise ProcessFailed(f"{self.name} does not end:\n{self.output()}") from None
        self._reader.join(timeout)
        return status

    def relatives(self) -> list[int]:
        """Processes, other than itself, that live in the session which it leads."""
        return [pid for pid in session_members(self.pid) if pid != self.pid]

    def end(self, timeout: float = END_TIMEOUT, *, told: bool = False) -> int:
        """SIGTERM to it, SIGKILL to what its group still holds after that; its exit status.

        `told`: it has had SIGTERM, and a server would take a second one for an end at once.
        """
        try:
            if not told and self.returncode is None:
                self.signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(timeout)
        finally:  # also where Ctrl-C ends the wait
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            status = self.wait()
            end = time.monotonic() + timeout
            while self.relatives() and time.monotonic() < end:
                time.sleep(0.01)  # orphans are reaped by init, which tells nobody
        return status


def session_members(session: int) -> list[int]:
    """The living processes of a session, zombies left out. Needs /proc or `ps`."""
    return [pid for pid, _, its_session in living() if its_session == session]


def descendants(ancestor: int) -> set[int]:
    """The living children of a process, their children, and so on, in whatever session they are."""
    found = {ancestor}
    for _ in range(100):  # generations; every round finds the next
        more = {pid for pid, parent, _ in living() if parent in found} - found
        if not more:
            break
        found |= more
    return found - {ancestor}


def end_descendants(timeout: float = END_TIMEOUT, *, grace: float = 0.0) -> None:
    """SIGKILL to all that this process has started, and to what those have; return once they have ended.

    They are all stopped before: one whose parent ends first would no longer be known as ours. With `grace`
    the children have SIGTERM and so many seconds before that.
    """
    stopped = _outlasting_sigterm(grace) if grace else set()
    _signal(stopped, signal.SIGSTOP)
    while more := descendants(os.getpid()) - stopped:
        _signal(more, signal.SIGSTOP)
        stopped |= more
    _signal(stopped, signal.SIGKILL)
    end = time.monotonic() + timeout
    while stopped & {pid for pid, _, _ in living()} and time.monotonic() < end:
        time.sleep(0.01)  # orphans are reaped by init, which tells nobody


def _outlasting_sigterm(seconds: float) -> set[int]:
    """SIGTERM to this process's children; what is left of its descendants once they have ended, or then."""
    found = descendants(os.getpid())
    known = [(pid, parent, session) for pid, parent, session in living() if pid in found]
    children = {pid for pid, parent, _ in known if parent == os.getpid()}
    _signal(children, signal.SIGTERM)
    end = time.monotonic() + seconds
    while children & {pid for pid, _, _ in living()} and time.monotonic() < end:
        time.sleep(0.01)  # whoever waits for them is not known here
    sessions = {(pid, session) for pid, _, session in known}  # a number may be another's by now
    return {pid for pid, _, session in living() if (pid, session) in sessions}


def _signal(pids: set[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            os.kill(pid, number)


def living() -> Iterator[tuple[int, int, int]]:
    """pid, parent and session of every process of the machine that has not ended."""
    for pid, parent, session, state in _processes():
        if not state.startswith("Z"):
            yield pid, parent, session


def _processes() -> Iterator[tuple[int, int, int, str]]:
    """pid, parent, session and state of every process of the machine, zombies included."""
    if Path("/proc/self/stat").exists():
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):  # it has ended meanwhile
                    # proc(5): the name stands in parentheses and may hold anything
                    fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                    yield int(entry.name), int(fields[1]), int(fields[3]), fields[0]
        return
    command = ["ps", "-A", "-o", "pid=,ppid=,sess=,stat="]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as ps:
        table, _ = ps.communicate()
    if ps.returncode:
        raise subprocess.CalledProcessError(ps.returncode, command)
    for row in table.splitlines():
        pid, parent, session, state = row.split()
        if int(pid) != ps.pid:
            yield int(pid), int(parent), int(session), state


@contextlib.contextmanager
def started(
    arguments: Sequence[str],
    *,
    name: str = "",
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
    quiet: bool = False,
) -> Iterator[Process]:
    """A process that runs until the block is left; then it is ended and its output printed."""
    process = Process(arguments, name=name, env=env, cwd=cwd)
    try:
        yield process
    finally:
        status = process.end(END_TIMEOUT)
        if not quiet:
            print(f"--- {process.name} (ended with {status}) ---\n{process.output()}")
