"""A child of --processes as its parent has it: a whole server in a fresh process."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from typing import Any, Final

import trio

from .link import ABORT, LINK_VARIABLE, messages
from .progress import standstill
from .reload import Origin

#: What a child must not have of its parent's environment: the parent alone talks to systemd (sd_notify(3)).
NOT_FOR_CHILDREN: Final = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


#: Seconds without a report, of which there is one a second, until a child counts as hanging.
SILENCE: Final = 20.0


class Child:
    """One process. Whoever has started it has `listen` run, and calls `reap` when one may have ended."""

    def __init__(self, number: int, process: subprocess.Popen[bytes], line: socket.socket) -> None:
        self.number = number  # its place, from 1
        self.ready = trio.Event()
        self.ended = trio.Event()
        self.started_at = trio.current_time()
        self.processes: int | None = None  # what its settings say of PROCESSES, once it is ready
        self.longest_end = 0.0  # seconds from SIGTERM; none while it has not begun
        self.report: dict[str, Any] | None = None  # its last one (reporting.py)
        self.ready_at = self.reported_at = self.started_at
        self.is_told_to_end = False
        self._process = process
        self._stream = trio.SocketStream(trio.socket.from_stdlib_socket(line))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def lives(self) -> bool:
        return not self.ended.is_set()

    @property
    def exit_code(self) -> int | None:
        """None while it lives, below 0 for a signal."""
        return self._process.returncode

    @property
    def ending(self) -> str:
        """How it has ended, in words."""
        code = self.exit_code
        if code is None or code >= 0:
            return f"ended with exit code {code}"
        with contextlib.suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
        return f"was ended by signal {-code}"

    def trouble(self) -> str | None:
        """Why it seems to do nothing any more; None if it does something, or is starting, or ends."""
        if not self.ready.is_set() or self.is_told_to_end or not self.lives:
            return None
        silence = trio.current_time() - max(self.reported_at, self.ready_at)
        if silence > SILENCE:
            return f"has said nothing for {silence:.0f} s"
        return None if self.report is None else standstill(self.report, time.time())

    async def listen(self) -> None:
        """Take in what it says, until it has ended."""
        async for message in messages(self._stream):
            if isinstance(message.get("ready"), dict):
                self.processes = message["ready"]["processes"]
                self.longest_end = message["ready"]["longest_end"]
                self.ready_at = trio.current_time()
                self.ready.set()
            if isinstance(message.get("report"), dict):
                self.report, self.reported_at = message["report"], trio.current_time()
        await self.ended.wait()
        await self._stream.aclose()

    def reap(self) -> None:
        """See whether it has ended."""
        if self._process.poll() is not None:
            self.ended.set()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)  # nothing happens to one that has ended

    def drain(self) -> None:
        """Have it finish what it has and end. Asked again, it does not hurry."""
        self.is_told_to_end = True
        self.signal(signal.SIGTERM)

    async def abort(self) -> None:
        """Have it end now."""
        self.drain()  # one that is still starting knows no line
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await self._stream.send_all(ABORT)


def start_child(number: int, origin: Origin) -> Child:
    """Start one as this process was started. Raises OSError.

    Blocks for the milliseconds that it takes: a thread that starts a process and ends is the end of it
    (PR_SET_PDEATHSIG in prctl(2), see link.take_link).
    """
    ours, theirs = socket.socketpair()
    environment = {name: value for name, value in os.environ.items() if name not in NOT_FOR_CHILDREN}
    environment[LINK_VARIABLE] = f"{number}:{theirs.fileno()}"
    try:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            list(origin.words), cwd=origin.directory, env=environment, pass_fds=[theirs.fileno()]
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return Child(number, process, ours)


def reap_orphans(children: list[Child]) -> None:
    """As process 1 (of a container): bury whoever has ended and has no parent any more."""
    own = {child.pid for child in children if child.lives}
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
            if found.si_pid in own:
                return  # SIGCHLD is on its way once more
            os.waitpid(found.si_pid, 0)
