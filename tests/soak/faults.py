"""What goes wrong during a soak: servers that die, end or stand still, a Redis that is cut off or paused."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable

from tests.acceptance.raw import start
from tests.harness.processes import Process
from tests.harness.redis_server import RedisServer
from tests.soak.proxy import Proxy


class Servers:
    """The servers of the site; one that has ended is followed by another."""

    def __init__(self, directory: str, number: int) -> None:
        self._directory = directory
        self.ended: list[Process] = []
        self.running = [self._start() for _ in range(number)]
        for server in self.running:
            server.wait_for_line("ready")

    def _start(self) -> Process:
        from pathlib import Path

        return start(Path(self._directory), "soak_settings")

    def replace(self, index: int, how: signal.Signals) -> None:
        """End one by a signal, and start its successor when it has ended."""
        server = self.running[index]
        server.signal(how)
        server.wait()
        self.ended.append(server)
        self.running[index] = self._start()
        self.running[index].wait_for_line("ready")

    def end(self) -> list[str]:
        """Ask all to end; returns what was wrong with that, or with what any of them has written."""
        wrong = []
        for server in self.running:
            server.signal(signal.SIGCONT)
            server.signal(signal.SIGTERM)
        for server in self.running:
            status = server.wait(60)
            if status != 0:
                wrong.append(f"a server ended with {status}")
        self.ended += self.running
        wrong += [
            f"a traceback of a server: {_traceback(server)}" for server in self.ended if _traceback(server)
        ]
        return wrong

    def kill(self) -> None:
        """End what still runs."""
        for server in self.running:
            if server.returncode is None:
                server.end()

    def log(self) -> str:
        servers = [*self.ended, *(server for server in self.running if server not in self.ended)]
        return "\n".join(f"--- server {server.pid}\n{server.output()}" for server in servers)


class Faults:
    """Does one thing after another, chosen at random, until told to stop; in a thread of its own."""

    def __init__(self, redis: RedisServer, proxy: Proxy, servers: Servers, choose: random.Random) -> None:
        self._redis = redis
        self._proxy = proxy
        self._servers = servers
        self._choose = choose
        self._stop = threading.Event()
        self.done: list[str] = []
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="faults", daemon=True)
        self._kinds: list[Callable[[], str]] = [
            self._kill, self._kill, self._terminate, self._stand_still, self._stand_still_for_long,
            self._cut, self._cut_reply, self._cut_reply, self._pause_redis,
        ]  # fmt: skip

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Do no more, and wait until what is being done is over. Raises what went wrong."""
        self._stop.set()
        self._thread.join()
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        try:
            while not self._stop.wait(self._choose.uniform(0.2, 2.0)):
                words = self._choose.choice(self._kinds)()
                self.done.append(words)
                print(f"  {words}", flush=True)
        except Exception as error:
            self.failure = error

    def _any(self) -> int:
        return self._choose.randrange(len(self._servers.running))

    def _kill(self) -> str:
        index = self._any()
        self._servers.replace(index, signal.SIGKILL)
        return f"server {index} was killed"

    def _terminate(self) -> str:
        index = self._any()
        self._servers.replace(index, signal.SIGTERM)
        return f"server {index} was asked to end"

    def _stand_still(self) -> str:
        return self._stop_one(self._choose.uniform(0.1, 2.0))

    def _stand_still_for_long(self) -> str:
        return self._stop_one(self._choose.uniform(4.0, 7.0))

    def _stop_one(self, seconds: float) -> str:
        index = self._any()
        self._servers.running[index].signal(signal.SIGSTOP)
        self._stop.wait(seconds)
        self._servers.running[index].signal(signal.SIGCONT)
        return f"server {index} stood still for {seconds:.1f} s"

    def _cut(self) -> str:
        self._proxy.cut()
        return "all connections to Redis were cut"

    def _cut_reply(self) -> str:
        self._proxy.cut_next_reply()
        return "a connection to Redis was cut in the middle of a reply"

    def _pause_redis(self) -> str:
        seconds = self._choose.uniform(0.2, 4.0)
        os.kill(self._redis.pid, signal.SIGSTOP)
        self._stop.wait(seconds)
        os.kill(self._redis.pid, signal.SIGCONT)
        return f"Redis stood still for {seconds:.1f} s"


def _traceback(server: Process) -> str:
    output = server.output()
    begin = output.find("Traceback (most recent call last)")
    return output[max(0, begin - 300) : begin + 3000] if begin >= 0 else ""
