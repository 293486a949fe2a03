"""The stack of 2017 as real processes: daphne, runworker and a site on SQLite, under channels_compat."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import requests

from tests.harness.redis_server import free_port

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(__file__).resolve().parent / "site"
START_TIMEOUT = 180.0  # seconds; a start takes two, on a machine under load more
END_TIMEOUT = 20.0  # seconds; a worker that waits in BLPOP notices SIGTERM after 5
COMMAND_TIMEOUT = 240.0  # seconds


def environment(**more: str) -> dict[str, str]:
    """This process's environment, in which channels_compat can be imported from the checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "compat"), **more}


class Site:
    """tests/compat/site with a database and a media folder of its own, on one Redis."""

    def __init__(self, directory: Path, redis_url: str) -> None:
        self.directory = directory
        self.environment = environment(
            COMPAT_SITE_DATABASE=str(directory / "site.sqlite3"),
            COMPAT_SITE_MEDIA=str(directory),
            COMPAT_SITE_REDIS=redis_url,
            COMPAT_SITE_DEBUG="1",
        )
        self.port = 0
        self.processes: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What all processes have written so far."""
        return "".join(
            f"--- {file.name}\n{file.read_text(errors='replace')}"
            for file in sorted(self.directory.glob("*.log"))
        )

    def manage(self, *arguments: str) -> str:
        """Run manage.py to its end; its output. A failure raises AssertionError with all it has said."""
        done = subprocess.run(
            self.command("manage.py", *arguments),
            cwd=SITE, env=self.environment, timeout=COMMAND_TIMEOUT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == 0, f"manage.py {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}"
        return done.stdout

    @staticmethod
    def command(*words: str) -> list[str]:
        return [sys.executable, "-m", "channels_compat", *words]

    def start(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        """Start `python -m channels_compat WORDS` in a session of its own; it is ended with the site."""
        with open(self.directory / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                self.command(*words), cwd=SITE, env=self.environment, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def wait_until_it_answers(self) -> None:
        """Return once a page came back through daphne and a worker; fail when a process has ended."""
        end = time.monotonic() + START_TIMEOUT
        while time.monotonic() < end:
            for process in self.processes:
                assert process.poll() is None, f"{process.args} ended with {process.returncode}\n{self.log}"
            with contextlib.suppress(requests.RequestException, OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                if requests.get(self.url + "/stream/", timeout=END_TIMEOUT).status_code == 200:
                    return
            time.sleep(0.05)  # a connect that is refused leaves nothing to wait on
        raise AssertionError(f"{self.url} did not answer\n{self.log}")

    def stop(self) -> None:
        """End every process and its children, whatever state they are in."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_TIMEOUT)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait()


@contextlib.contextmanager
def serving(directory: Path, redis_url: str, *daphne: str) -> Iterator[Site]:
    """The site, migrated from nothing, with a superuser, behind daphne and two worker threads."""
    site = Site(directory, redis_url)
    site.manage("migrate", "--noinput")
    site.manage("shell", "-c", "from django.contrib.auth.models import User;"
                "User.objects.create_superuser('anna', 'anna@example.org', 'correct horse')")  # fmt: skip
    site.port = free_port()
    try:
        site.start(
            "daphne",
            "daphne",
            "-b",
            "127.0.0.1",
            "-p",
            str(site.port),
            *daphne,
            "compat_site.asgi:channel_layer",
        )
        site.start("worker", "manage.py", "runworker", "--threads", "2")
        site.wait_until_it_answers()
        yield site
    finally:
        site.stop()
