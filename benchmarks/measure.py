"""One measurement of one server under one load, each with a Redis and processes of its own.

A server that takes our messages has a closed loop: as many operations wait as the load says. Of a task queue
only the server side counts: it is warmed up, stopped (SIGSTOP), its own client enqueues everything, and the
clock starts as it goes on (SIGCONT).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from costs import memory_of_waiting
from load import BYTECODE, DAPHNE, ROOT, SETTINGS, Load, compile_sources, redis_server
from rivals import FOLDER, RIVALS, Rival
from server_idle import median_ms, one_by_one, processor_seconds, redis_alone, upstream_alone

from tests.harness.processes import Process, descendants

WARM_UP = 300  # operations
START_TIMEOUT = 40.0  # seconds
SETTLING = 30.0  # seconds: twice HTTP['idle_timeout'], for which connections to upstreams may stay open
IDLE_TIME = 30.0  # seconds at least; the system counts in steps of 10 ms, which are 0.03 % of them
TASKS = 2500  # enqueued for each second of a task queue's measurement
OURS = "ours"
VARIANTS = {
    OURS: ("channels_async", ("-m", "server_trio")),
    "ours-2": ("channels_async, 2 processes", ("-m", "server_trio", "--processes", "2")),
    "no-journal": ("channels_async, no journal", (str(ROOT / "benchmarks" / "without_journal.py"),)),
}
FUNCTIONS = """\
async def nothing():
    return b''

async def compute():
    return str(sum(range(100_000)))  # milliseconds
"""
MORE_SETTINGS = """\
CHANNELS_ASYNC_SERVER['CALLS'] = {
    'nothing': 'benchmark_functions.nothing',
    'compute': 'benchmark_functions.compute',
}
"""


def call(function: str) -> dict[str, Any]:
    """The operation that has one of FUNCTIONS called."""
    return {"operation": "CALL", "function": function, "args": [], "kwargs": {}}


class DidNotStart(Exception):
    """A server did not answer its first operations; the text has what it wrote."""


@dataclass
class Running:
    """A server that has answered its first operations."""

    process: Process
    client: redis.Redis[bytes]
    python: str
    environment: Mapping[str, str]
    rival: Rival | None
    first: float = 0.0  # seconds from its start to its first answer

    def pids(self) -> list[int]:
        return [self.process.pid, *descendants(self.process.pid)]

    def processor(self) -> float:
        """Seconds that all its processes have used."""
        return sum(processor_seconds(pid) for pid in self.pids())

    def memory(self, what: str = "VmRSS") -> int:
        """Bytes of all its processes; VmHWM is the most there has been since `forget_peak`."""
        total = 0
        for pid in self.pids():
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(what))
        return total

    def forget_peak(self) -> None:
        for pid in self.pids():
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def enqueue(self, number: int, url: str) -> None:
        """Have a task queue's own client enqueue that many."""
        assert self.rival is not None
        words = [self.python, self.rival.enqueue, "enqueue", str(number), url]
        subprocess.run(words, cwd=FOLDER, env={**os.environ, **self.environment}, check=True)  # noqa: S603


@dataclass
class Bench:
    """Where everything is: the upstream's URL, and the Python of each rival's environment.

    `unusable`: by name what is wrong with those of them that cannot be started.
    """

    upstream: str
    pythons: Mapping[str, str]
    unusable: Mapping[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        compile_sources()
        self.names = {name: title for name, (title, _) in VARIANTS.items()}
        self.names |= {rival.name: rival.title for rival in RIVALS}

    @contextlib.contextmanager
    def running(self, who: str, outstanding: int = 200) -> Iterator[Running]:
        """That server and a Redis of its own; ready, warm, and ended without mercy afterwards.

        Raises DidNotStart.
        """
        if who in self.unusable:
            raise DidNotStart(self.unusable[who])
        rival = next((rival for rival in RIVALS if rival.name == who), None)
        with contextlib.ExitStack() as stack:
            directory = stack.enter_context(tempfile.TemporaryDirectory())
            server = stack.enter_context(redis_server())
            path = os.pathsep.join([str(ROOT), str(ROOT / "client"), str(ROOT / "compat")])
            environment = {**BYTECODE, "PYTHONPATH": path}
            if rival:
                python = self.pythons[who]
                environment |= {"BENCH_REDIS": server.url, "BENCH_OUTSTANDING": str(outstanding)}
                bin = str(Path(python).parent)
                words = [word.format(bin=bin, outstanding=outstanding) for word in rival.command]
                folder = str(FOLDER)
            else:
                python, folder = sys.executable, directory
                Path(directory, "benchmark_functions.py").write_text(FUNCTIONS)
                Path(directory, "benchmark_settings.py").write_text(
                    SETTINGS.format(url=server.url) + MORE_SETTINGS
                )
                words = [python, *VARIANTS[who][1], "benchmark_settings"]
            client = redis.Redis.from_url(server.url, socket_timeout=None)
            began = time.perf_counter()
            process = Process(words, name=who, env=environment, cwd=folder)
            try:
                running = Running(process, client, python, environment, rival)
                self._warm_up(running, began)
                yield running
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.end()

    def _warm_up(self, running: Running, began: float) -> None:
        """One operation, whose answer shows that it runs, then some at once. Raises DidNotStart."""
        url = self.upstream + "/"
        load = Load(running.client, url)
        for number in (1, WARM_UP):
            if running.rival and running.rival.enqueue:
                running.enqueue(number, url)
            else:
                load.send(number)
            seconds = START_TIMEOUT
            end = time.monotonic() + seconds
            answered = 0
            while answered < number:
                answered += load.take()
                if time.monotonic() > end or running.process.returncode is not None:
                    raise DidNotStart(
                        f"{running.process.name} has answered {answered} of {number} operations\n"
                        + running.process.output()
                    )
                time.sleep(0.001)
            running.first = running.first or time.perf_counter() - began
        if load.failed:
            raise DidNotStart(f"{running.process.name} answered {load.failed} times with an error")

    def closed_loop(
        self, who: str, path: str, outstanding: int, seconds: float, call: dict[str, Any] | None = None
    ) -> dict[str, float]:
        """The figures of a server at that load, by their names in report.MEASURES."""
        with self.running(who, outstanding) as running:
            bodies = path.startswith("/body/")
            load = Load(running.client, self.upstream + path, call, batch=8 if bodies else 500)
            idle = running.memory()
            running.forget_peak()
            if running.rival and running.rival.enqueue:
                return self._task_queue(running, load, path, seconds)
            wait = int(path.rpartition("/")[2]) / 1000 if path.startswith("/wait/") else 0
            load.run_for(2 + 4 * wait, outstanding, most=2 * outstanding)  # until it goes evenly
            load.forget()
            used = running.processor()
            rate = load.run_for(seconds, outstanding)
            used = running.processor() - used
            answered = max(1, len(load.latencies))
            more = running.memory("VmHWM") - idle
            return {
                "rate": rate,
                "p50": load.percentile(50),
                "p99": load.percentile(99),
                "failed": load.failed,
                "processor": used / answered * 1e6,
                "memory": more / 2**20,
                "megabytes": load.bytes / seconds / 2**20,
            }

    def _task_queue(self, running: Running, load: Load, path: str, seconds: float) -> dict[str, float]:
        number = int(TASKS * seconds)
        os.killpg(running.process.pid, signal.SIGSTOP)
        try:
            running.enqueue(number, self.upstream + path)
        finally:
            os.killpg(running.process.pid, signal.SIGCONT)
        return {"rate": load.take_until(number, seconds), "failed": load.failed}

    def waiting(self, who: str, number: int) -> dict[str, float]:
        """KB of memory for each of `number` operations that all wait for their upstream."""
        with self.running(who, number) as running:
            load = Load(running.client, self.upstream + "/wait/25000")
            return {"kilobytes": memory_of_waiting(load, running.process.pid, number) / 1024}

    def idle_latency(self, who: str, operations: int) -> dict[str, float]:
        """Milliseconds that an operation takes longer than what it needs, one at a time."""
        with self.running(who) as running:
            load = Load(running.client, self.upstream + "/")
            whole = median_ms(one_by_one(running.client, load, operations))
            port = int(self.upstream.rpartition(":")[2])
            needed = median_ms(upstream_alone(port, operations)) + median_ms(
                redis_alone(running.client, operations)
            )
            return {"added": whole - needed, "whole": whole}

    def idle(self, who: str, seconds: float) -> dict[str, float]:
        """The share of a core of a server with nothing to do, in percent; and how soon it was there.

        It is looked at for `seconds`, or IDLE_TIME if that is longer, once nothing is left of the warm-up.
        """
        with self.running(who) as running:
            time.sleep(SETTLING)
            used = running.processor()
            seconds = max(seconds, IDLE_TIME)
            time.sleep(seconds)
            return {"idle": (running.processor() - used) / seconds * 100, "first": running.first}

    def check(self, who: str) -> str:
        """'' where it answers one operation as it should, else what is wrong."""
        try:
            with self.running(who) as running:
                left = running.client.llen("asgi:" + DAPHNE)
        except (DidNotStart, subprocess.CalledProcessError) as error:
            return str(error)
        return f"{left} messages too many" if left else ""
