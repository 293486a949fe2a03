"""What a request costs on its whole way, from a browser over daphne, a worker and the server and back:

    python benchmarks/site_costs.py [--requests 3000] [--waiting 2000] [--web-python PYTHON]

Prints for each process its processor time for a request, then what one takes that waits: for the server
(memory of daphne and Redis) and for its upstream (memory of daphne, Redis and the server, and their files),
and how many connections to Redis each process has. The site is that of tests/acceptance, with eight
middlewares and a transaction around every request.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import pathlib
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable

from costs import resident
from load import ROOT, allow_many_files, end_on_signals, redis_server, upstream
from server_idle import processor_seconds

sys.path.insert(0, str(ROOT))

from tests.acceptance.stack import Site, serving
from tests.harness.redis_server import RedisServer
from tests.harness.upstream import upstream_server

SERVER = {"CONCURRENCY": {"total": 20000, "per_host": 20000}, "DEADLINES": {"REQUEST": 50}}
PROCESSES = ("daphne", "worker", "server", "redis")
BROWSERS = 50  # at once


class Costs:
    """A site that runs, and what its processes have used."""

    def __init__(self, site: Site, redis: RedisServer) -> None:
        self._site = site
        self._redis = redis
        self._port = int(site.url.rpartition(":")[2])

    def pids(self) -> dict[str, int]:
        return {
            **{name: process.pid for name, process in self._site.processes.items()},
            "redis": self._redis.pid,
        }

    def processor(self) -> dict[str, float]:
        """Seconds that each has used."""
        return {name: processor_seconds(pid) for name, pid in self.pids().items()}

    def held(self) -> dict[str, float]:
        """Bytes of memory of each; of Redis what it has given out. And files, as `daphne files`."""
        found = {}
        for name, pid in self.pids().items():
            found[name] = float(self._redis_memory() if name == "redis" else resident(pid))
            found[f"{name} files"] = float(len(os.listdir(f"/proc/{pid}/fd")))
        return found

    def connections(self) -> dict[str, int]:
        """Connections to Redis of each process, by the ports of their sockets."""
        ports = {
            line.split(b"addr=")[1].split()[0].rpartition(b":")[2].decode()
            for line in self._command("CLIENT", "LIST").splitlines()
        }
        found = {}
        for name, pid in self.pids().items():
            inodes = {
                os.readlink(file) for file in pathlib.Path(f"/proc/{pid}/fd").iterdir() if file.is_symlink()
            }
            own = [
                fields for fields in _tcp() if f"socket:[{fields[9]}]" in inodes
                and str(int(fields[1].rpartition(":")[2], 16)) in ports
            ]  # fmt: skip
            found[name] = len(own)
        return found

    def ask(self, number: int, path: str) -> None:
        """So many requests, from BROWSERS at once that keep their connections."""
        threads = [
            threading.Thread(target=self._browse, args=(number // BROWSERS, path)) for _ in range(BROWSERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _browse(self, number: int, path: str) -> None:
        with socket.create_connection(("127.0.0.1", self._port)) as connection:
            answers = connection.makefile("rb")
            for _ in range(number):
                connection.sendall(request(path))
                read_answer(answers)

    def begin(self, stack: contextlib.ExitStack, number: int, path: str) -> None:
        """Send so many requests, each on a connection of its own that stays open until `stack` ends."""
        for _ in range(number):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", self._port)))
            connection.sendall(request(path))

    def until(self, done: Callable[[], bool], seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                sys.exit(
                    f"not done within {seconds:g} s; queued: {self.queued()}, at work: {self.journalled()}"
                )
            time.sleep(0.05)

    def queued(self) -> int:
        """Operations that wait for the server."""
        return int(self._command("LLEN", "acceptance:request.async"))

    def journalled(self) -> int:
        """Operations that the server has."""
        keys = self._command("KEYS", "acceptance::journal:*")
        return sum(int(self._command("HLEN", key)) for key in keys)

    def _redis_memory(self) -> int:
        info = self._command("INFO", "memory").decode()
        return int(info.split("used_memory:")[1].split()[0])

    def _command(self, *words: str) -> object:
        return self._redis.command(*words)


def _tcp() -> list[list[str]]:
    return [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]


def request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n".encode()


def read_answer(answers: io.BufferedIOBase) -> None:
    """One answer, all of it. Raises ValueError for one that is none of ours."""
    status = answers.readline()
    if b" 200 " not in status:
        raise ValueError(status)
    length, chunked = 0, False
    while (line := answers.readline()) != b"\r\n":
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        chunked = chunked or name.lower() == b"transfer-encoding"
    if not chunked:
        answers.read(length)
        return
    while (size := int(answers.readline(), 16)) > 0:
        answers.read(size + 2)
    answers.readline()


@end_on_signals()
def main() -> None:
    """Start all, load it, print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--waiting", type=int, default=2000)
    parser.add_argument(
        "--web-python", type=os.path.abspath, default=sys.executable, metavar="PYTHON",
        help="that of daphne and the worker",
    )  # fmt: skip
    arguments = parser.parse_args()
    allow_many_files()
    lines: list[str] = []
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = stack.enter_context(redis_server())
        unused = stack.enter_context(upstream_server(quiet=True))
        more = {
            "ACCEPTANCE_UPSTREAM": stack.enter_context(upstream()),
            "ACCEPTANCE_CAPACITY": '{"*": 100000}',
            "ACCEPTANCE_SERVER": json.dumps(SERVER),
        }
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))  # without what they have written
        site = stack.enter_context(serving(folder, arguments.web_python, redis, unused, **more))
        lines += measure(site, redis, arguments.requests, arguments.waiting)
    print("\n".join(lines))


def measure(site: Site, redis: RedisServer, requests: int, waiting: int) -> list[str]:
    costs, lines = Costs(site, redis), []
    costs.ask(500, "/ask/")  # warm-up
    before = costs.processor()
    costs.ask(requests, "/ask/")
    used = {name: (now - before[name]) / requests * 1000 for name, now in costs.processor().items()}
    lines.append(
        "processor time of a request, ms: " + ", ".join(f"{name} {used[name]:.2f}" for name in PROCESSES)
    )
    lines.append("connections to Redis: " + ", ".join(f"{n} {k}" for n, k in costs.connections().items()))
    costs.until(lambda: costs.journalled() == 0)
    idle = ", ".join(f"{name} {resident(pid) / 2**20:.0f} MiB" for name, pid in costs.pids().items())
    lines.append(f"memory of those that are idle: {idle}")
    with contextlib.ExitStack() as browsers:
        os.kill(site.processes["server"].pid, signal.SIGSTOP)
        before = costs.held()
        costs.begin(browsers, waiting, "/ask/wait/30000")
        costs.until(lambda: costs.queued() >= waiting - 1)  # Redis may have moved one for the server
        queued = costs.held()
        lines.append(told("one that waits for the server", before, queued, waiting))
        os.kill(site.processes["server"].pid, signal.SIGCONT)
        costs.until(lambda: costs.journalled() == waiting)
        lines.append(told("one that waits for its upstream", before, costs.held(), waiting))
    return lines


def told(what: str, before: dict[str, float], after: dict[str, float], number: int) -> str:
    each = {name: (after[name] - before[name]) / number for name in before}
    sizes = [f"{name} {each[name] / 1024:.1f} KiB" for name in ("daphne", "server", "redis")]
    files = [f"{name} {each[f'{name} files']:.1f}" for name in ("daphne", "server")]
    return f"{what}: {', '.join(sizes)}; files: {', '.join(files)}"


if __name__ == "__main__":
    main()
