"""The same load on every stage: run.py hammer

So many connections, each of which orders, waits for the answer and orders again, until the time is over.
What is under way then is waited for, orders and notifications, but not for ever. Each stage is started
anew, and warmed up with pages that tell nobody.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from examples.running import Running

from .deaths import deaths
from .picture import picture
from .results import Result, page, table
from .stages import STAGES, TOLD, Stage, started


@dataclass(frozen=True)
class Load:
    """How much, and for how long."""

    connections: int
    seconds: float
    scale: float  # of the time that notifications take
    patience: float  # seconds that an answer may take, and notifications once the orders have ended
    pause: float = 0.5  # seconds from a failure to the next order of a connection

    @property
    def warm_up(self) -> float:
        """Seconds before the first order."""
        return self.seconds / 8


@dataclass
class Visitor:
    """One connection and what it has seen."""

    connection: http.client.HTTPConnection
    pause: float  # seconds after a failure
    served: list[float] = field(default_factory=list)  # seconds that each answer took
    failed: int = 0
    stopped: bool = False

    def ask_until(self, end: float, method: str, path: str) -> None:
        """One request after the other; the last begins before `end` (of time.monotonic)."""
        while (begun := time.monotonic()) < end and not self.stopped:
            if self._is_served(method, path):
                self.served.append(time.monotonic() - begun)
            else:
                self.failed += 1
                time.sleep(max(0.0, min(self.pause, end - time.monotonic())))
        self.connection.close()

    def _is_served(self, method: str, path: str) -> bool:
        """Whether a request is answered 200 in time. A connection that failed is opened anew next time."""
        try:
            self.connection.request(method, path)
            response = self.connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return False
        return response.status == 200

    def stop(self) -> None:
        """Make `ask_until` return, from another thread."""
        self.stopped = True
        with contextlib.suppress(OSError):
            if self.connection.sock is not None:
                self.connection.sock.shutdown(socket.SHUT_RDWR)


def hammer(web_python: str, load: Load, folder: Path) -> int:
    """Measure all stages, print the table, write results.rst and results.svg into `folder`."""
    results, load_before = [], os.getloadavg()[0]
    for stage in STAGES:
        with started(stage, web_python, scale=load.scale) as running:
            results.append(measure(stage, running, load))
        print(f"{stage.name} done", flush=True)
    print(table(results))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.rst").write_text(page(results, load, web_python, load_before), encoding="utf-8")
    (folder / "results.svg").write_text(picture(results), encoding="utf-8")
    return 0


def measure(stage: Stage, running: Running, load: Load) -> Result:
    """The load on a stage that has just been started."""
    order_all(running, load, time.monotonic() + load.warm_up, "GET", "/")
    running.upstream.reset()
    end = time.monotonic() + load.seconds
    visitors = order_all(running, load, end, "POST", "/order/")
    served = sorted(seconds for visitor in visitors for seconds in visitor.served)
    failed = sum(visitor.failed for visitor in visitors)
    due = TOLD * (len(served) + failed)
    while (delivered := running.upstream.statistics()["answered"]) < due:
        if time.monotonic() > end + load.patience:
            break
        time.sleep(0.1)  # the upstream tells nobody
    lost = [line for process in running.processes for line in deaths(process)]
    return Result(stage.name, served, failed, due, delivered, lost)


def order_all(running: Running, load: Load, end: float, method: str, path: str) -> list[Visitor]:
    """All connections at once, until `end` (of time.monotonic)."""
    address = urlsplit(running.url)
    assert address.hostname is not None
    visitors = [
        Visitor(
            http.client.HTTPConnection(address.hostname, address.port, timeout=load.patience), load.pause
        )
        for _ in range(load.connections)
    ]
    with ThreadPoolExecutor(load.connections) as pool:
        try:
            for ended in [pool.submit(visitor.ask_until, end, method, path) for visitor in visitors]:
                ended.result()
        except KeyboardInterrupt:
            for visitor in visitors:
                visitor.stop()
            raise
    return visitors
