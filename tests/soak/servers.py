"""The Trio servers of a soak; each is followed by another when it ends, or by one that it starts itself."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from tests.acceptance.raw import until
from tests.acceptance.stack import Site
from tests.harness.processes import Process, living

END_TIMEOUT = 90.0  # seconds
LEFT_TIMEOUT = 20.0  # seconds
NO_REDIS = 3  # the exit status of a server that starts and finds none, or one that wants another password


class Server:
    """One server, or the last of those that followed it by SIGHUP."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.pid = process.pid
        self._reloads = 0
        self._was_ready = False

    @property
    def is_running(self) -> bool:
        self.process.returncode  # noqa: B018 - reaps it
        return any(pid == self.pid for pid, _, _ in living())

    @property
    def is_ready(self) -> bool:
        """Whether it serves."""
        self._was_ready = self._was_ready or "ready" in self.process.output()
        return self._was_ready

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self) -> None:
        """Until it has ended. It may be nobody's child here, so there is nothing to wait on."""
        end = time.monotonic() + END_TIMEOUT
        while self.is_running:
            assert time.monotonic() < end, f"server {self.pid} does not end:\n{self.process.output()[-3000:]}"
            time.sleep(0.02)

    def reload(self) -> None:
        """SIGHUP; return when its successor serves and it has ended."""
        self._reloads += 1
        before = self.pid
        self.signal(signal.SIGHUP)
        line = self.process.wait_for_line("is ready and takes over", count=self._reloads)
        successors = [pid for pid in _servers_of(self.process) if pid != before]
        assert len(successors) == 1, f"{successors} follow {before}: {line}"
        self.wait()
        self.pid = successors[0]

    def kill(self) -> None:
        for pid in [self.process.pid, *self.process.relatives()]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @property
    def memory(self) -> int:
        """Bytes of RAM."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    @property
    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


def _left_of(process: Process) -> list[int]:
    """What lives on of one that has ended. Its helpers see its end a moment later, and end."""
    end = time.monotonic() + LEFT_TIMEOUT
    while (left := process.relatives()) and time.monotonic() < end:
        time.sleep(0.02)
    return left


def _servers_of(process: Process) -> list[int]:
    """The server itself and those that it has started, without the processes of commands."""
    found = []
    for pid in [process.pid, *process.relatives()]:
        with contextlib.suppress(OSError):
            if b"server_trio" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


class Servers:
    """The servers of the site; one that has ended is followed by another."""

    def __init__(self, site: Site, number: int, **environment: str) -> None:
        self._site = site
        self._environment = environment
        self._started = 0
        self._number = number
        self.ended: list[Server] = []
        self.running: list[Server] = []

    def start(self) -> None:
        """Start them; return when they serve."""
        for _ in range(self._number):
            self.running.append(self._start())
        self.wait_until_ready()

    def _start(self) -> Server:
        self._started += 1
        return Server(self._site.spawn_server(f"server{self._started}", **self._environment))

    def ready(self) -> list[int]:
        """The numbers of those that serve. One that met no Redis at its start is started again."""
        for index, server in enumerate(self.running):
            if not server.is_ready and server.process.returncode == NO_REDIS:
                self.ended.append(server)
                self.running[index] = self._start()
        return [index for index, server in enumerate(self.running) if server.is_ready]

    def wait_until_ready(self) -> None:
        until("all servers are ready", lambda: len(self.ready()) == len(self.running), END_TIMEOUT)

    def replace(self, index: int, how: signal.Signals) -> None:
        """End one by a signal, and have its successor started when it has ended."""
        server = self.running[index]
        server.signal(how)
        server.wait()
        self.ended.append(server)
        self.running[index] = self._start()

    def end(self) -> list[str]:
        """Ask all to end; returns what was wrong with that, or with what any of them has written."""
        wrong = []
        for server in self.running:
            if not server.is_running:
                wrong.append(f"server {server.pid} has ended by itself")
                continue
            server.signal(signal.SIGCONT)
            server.signal(signal.SIGTERM)
        for server in self.running:
            server.wait()
            if server.process.returncode not in (0, None):
                wrong.append(f"server {server.pid} ended with {server.process.returncode}")
        self.ended += self.running
        self.running = []
        for server in self.ended:
            if left := _left_of(server.process):
                wrong.append(f"processes {left} of server {server.pid} live on")
        tracebacks = [found for server in self.ended if (found := _traceback(server))]
        return wrong + [f"a traceback of a server: {found}" for found in tracebacks]

    def kill(self) -> None:
        """End what still runs."""
        for server in [*self.ended, *self.running]:
            server.kill()

    def log(self) -> str:
        return "\n".join(
            f"--- server {server.pid}\n{server.process.output()}" for server in [*self.ended, *self.running]
        )


def _traceback(server: Server) -> str:
    output = server.process.output()
    begin = output.find("Traceback (most recent call last)")
    return output[max(0, begin - 300) : begin + 3000] if begin >= 0 else ""
