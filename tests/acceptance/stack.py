"""The whole stack as real processes: Redis, upstream, daphne, one worker, the Trio server."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.harness.processes import SOURCES, Process
from tests.harness.redis_server import RedisServer, reserved_port
from tests.harness.upstream import Upstream
from tests.harness.web_python import WebPython

SITE = Path(__file__).resolve().parent / "site"


def site_command(python: str, program: str) -> list[str]:
    """The words that run `daphne` or `manage.py` of a site on that Python."""
    return WebPython(python).command(program)


class Site:
    """A Django site under daphne with one worker, and its Trio server."""

    def __init__(
        self, directory: Path, python: str, redis: RedisServer, upstream: Upstream, **more: str
    ) -> None:
        self.redis = redis
        self.upstream = upstream
        self.database = directory / "site.sqlite3"
        self._web = WebPython(python)
        self._environment = {
            "ACCEPTANCE_DATABASE": str(self.database),
            "ACCEPTANCE_REDIS": redis.url,
            "ACCEPTANCE_UPSTREAM": upstream.url,
            **more,
        }
        self._port = 0
        self.processes: dict[str, Process] = {}
        self.not_for_workers: list[str] = []  # channels that the worker leaves alone

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self, *, server: bool = True, daphne: Sequence[str] = ()) -> None:
        """Start everything and return when it can be asked. `daphne` are more words for its command line."""
        self.manage("migrate", "--noinput", "--run-syncdb")
        with reserved_port() as self._port:
            words = [*daphne, "-b", "127.0.0.1", "-p", str(self._port), "acceptance_site.asgi:channel_layer"]
            self._start("daphne", [*self._web.command("daphne"), *words], **self._web.environment)
            self.start_worker()
            if server:
                self.start_server()
            self.processes["daphne"].wait_for_port(self._port)

    def start_worker(self) -> Process:
        """The one worker, or another one; in place of one that has ended."""
        worker = self.spawn_worker()
        worker.wait_for_line("Listening on channels")
        return worker

    def spawn_worker(self) -> Process:
        """A worker that is not waited for."""
        excluded = [f"--exclude-channels={name}" for name in self.not_for_workers]
        command = [*self._web.command("manage.py"), "runworker", *excluded]
        return self._start("worker", command, **self._web.environment)

    def start_server(self, name: str = "server", **more: str) -> Process:
        """A Trio server, receiving. `more` goes into its environment."""
        server = self.spawn_server(name, **more)
        server.wait_for_line("ready")
        return server

    def spawn_server(self, name: str, **more: str) -> Process:
        """A Trio server that is not waited for."""
        words = [sys.executable, "-m", "server_trio", "-v", "acceptance_site.server_settings"]
        return self._start(name, words, **{**SOURCES, **more})

    def manage(self, *words: str) -> str:
        """Run a command of the site's manage.py; returns what it has written."""
        environment = {**self._environment, **self._web.environment}
        command = Process([*self._web.command("manage.py"), *words], env=environment, cwd=SITE)
        assert command.wait(60) == 0, command.output()
        return command.output()

    def _start(self, name: str, command: list[str], **more: str) -> Process:
        environment = {**self._environment, **more}
        self.processes[name] = Process(command, name=name, env=environment, cwd=SITE)
        return self.processes[name]

    def end(self) -> None:
        """End everything, whatever state it is in; print what it has written."""
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            print(f"--- {process.name} (ended with {process.wait()})\n{process.output()}")


@contextlib.contextmanager
def serving(
    directory: Path, python: str, redis: RedisServer, upstream: Upstream, *, server: bool = True, **more: str
) -> Iterator[Site]:
    """A site that can be asked. `more` goes into the environment of its processes."""
    site = Site(directory, python, redis, upstream, **more)
    try:
        site.start(server=server)
        yield site
    finally:
        site.end()
