"""The demo's processes: Redis, upstream, daphne, one worker, Trio servers; started and ended together."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from examples.running import Running, end
from tests.harness.processes import SOURCES, Process
from tests.harness.redis_server import free_port, redis_server
from tests.harness.upstream import upstream_server
from tests.harness.web_python import WebPython

SITE = Path(__file__).resolve().parent / "site"  # Python 2.7 and 3
SERVER = SITE.with_name("server")  # what only the Trio server imports, so Python 3 alone


@dataclass
class Demo(Running):
    """Everything that runs."""

    delay: float  # seconds that the upstream takes
    servers: int


@contextlib.contextmanager
def demo(web_python: str, *, port: int = 0, delay: float = 1.0, servers: int = 2) -> Iterator[Demo]:
    """The whole stack, ready to be asked; ended on leaving, whatever has happened."""
    port = port or free_port()
    with (
        redis_server() as redis,
        upstream_server(quiet=True) as upstream,
        tempfile.TemporaryDirectory(prefix="demo-") as cache,
    ):
        environment = {
            "DEMO_CACHE": cache,
            "DEMO_REDIS": redis.url,
            "DEMO_SERVERS": str(servers),
            "DEMO_UPSTREAM": upstream.url,
            "DEMO_UPSTREAM_DELAY": str(delay),
            "DJANGO_SETTINGS_MODULE": "demo.settings",
        }
        web = WebPython(web_python)
        daphne = ["-b", "127.0.0.1", "-p", str(port), "demo.asgi:channel_layer"]
        commands = {
            "daphne": [*web.command("daphne"), *daphne],
            "worker": [*web.command("manage.py"), "runworker"],
        }
        server = [sys.executable, "-m", "server_trio", "-v", "demo.server_settings"]
        server_sources = {"PYTHONPATH": os.pathsep.join([SOURCES["PYTHONPATH"], str(SERVER)])}
        processes: list[Process] = []
        try:
            for name, command in commands.items():
                env = {**environment, **web.environment}
                processes.append(Process(command, name=name, env=env, cwd=SITE))
            for number in range(1, servers + 1):
                env = {**environment, **server_sources}
                words = [*server, "--status", f"unix:{cache}/status-{number}.sock"]
                processes.append(Process(words, name=f"server_trio {number}", env=env, cwd=SITE))
            processes[0].wait_for_port(port)
            for process in processes[-servers:]:
                process.wait_for_line("ready")
            yield Demo(f"http://127.0.0.1:{port}", upstream, processes, delay, servers)
        finally:
            end(processes)
