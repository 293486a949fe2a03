"""The site of a soak: that of the acceptance tests, with workers that somebody starts again when they end."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
from pathlib import Path

from tests.acceptance.stack import Site
from tests.harness.processes import Process
from tests.harness.redis_server import RedisServer
from tests.harness.upstream import Upstream
from tests.soak.rules import DAPHNE_TIMEOUT, GRACE_TIME, TIMEOUT

SETTINGS = {
    "CONCURRENCY": {"total": 80, "per_host": 80, "CALL": 10},
    "DEADLINES": {"default": TIMEOUT, "REQUEST": TIMEOUT, "FORWARD": TIMEOUT, "CALL": TIMEOUT},
    "GRACE_TIME": GRACE_TIME,
    "HTTP": {"breaker_failures": 0},
}
CAPACITY = {"request.async": 5000}  # messages; the soak's other client does not look at it


class SoakSite:
    """daphne and workers; its servers are in servers.py."""

    def __init__(
        self, directory: Path, python: str, redis: RedisServer, upstream: Upstream, workers: int
    ) -> None:
        environment = {
            "ACCEPTANCE_SERVER": json.dumps(SETTINGS),
            "ACCEPTANCE_CAPACITY": json.dumps(CAPACITY),
            "ACCEPTANCE_LOG_FORMAT": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
        self.site = Site(directory, python, redis, upstream, **environment)
        self._ended: list[Process] = []
        self._workers: list[Process] = []
        self._number = workers
        self._stop = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def start(self) -> None:
        """Without servers. Returns when it can be asked."""
        self.site.start(server=False, daphne=["--http-timeout", str(DAPHNE_TIMEOUT)])
        self._workers.append(self.site.processes["worker"])
        self._workers += [self.site.start_worker() for _ in range(self._number - 1)]
        self._keeper.start()

    def kill_worker(self, choose: random.Random) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(choose.choice(self._workers).pid, signal.SIGKILL)

    def _keep(self) -> None:
        """Start another worker for each that has ended: without its Redis none of channels lives on."""
        while not self._stop.wait(0.2):
            for index, worker in enumerate(self._workers):
                if worker.returncode is not None:
                    self._ended.append(worker)
                    self._workers[index] = self.site.spawn_worker()

    def end(self) -> list[str]:
        """Kill all of it; what was wrong."""
        self._stop.set()
        if self._keeper.is_alive():
            self._keeper.join()
        wrong = []
        for process in self._processes:
            if process.name == "daphne" and process.returncode not in (None, -signal.SIGKILL):
                wrong.append(f"daphne has ended with {process.returncode}")
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return wrong

    def log(self) -> str:
        return "\n".join(
            f"--- {process.name} {process.pid}\n{process.output()}" for process in self._processes
        )

    @property
    def _processes(self) -> list[Process]:
        """All that there have been."""
        running = [process for name, process in self.site.processes.items() if name == "daphne"]
        return [*running, *self._ended, *self._workers]
