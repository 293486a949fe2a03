"""What goes wrong during a soak: one thing after another, at random, each with the time of its doing."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable

from tests.acceptance.raw import until
from tests.harness.processes import Process
from tests.harness.redis_server import RedisServer
from tests.soak.proxy import Proxy
from tests.soak.rules import Fault
from tests.soak.servers import Servers

SHORT = (0.1, 1.0)  # seconds for which nobody is taken for dead
LONG = (4.0, 7.0)  # seconds after which a server's operations are another's


class Faults:
    """Does one thing after another, chosen at random, until told to stop; in a thread of its own.

    Each kind comes once, in an order of its own for each seed, before any comes again.
    """

    def __init__(
        self, redis: RedisServer, proxy: Proxy, servers: Servers, upstream: Process,
        kill_worker: Callable[[], None], flood: Callable[[], None], choose: random.Random,
    ) -> None:  # fmt: skip
        self._redis = redis
        self._proxy = proxy
        self._servers = servers
        self._upstream = upstream
        self._kill_worker = kill_worker
        self._flood = flood
        self._choose = choose
        self._stop = threading.Event()
        self._round_done = threading.Event()
        self.done: list[Fault] = []
        self.failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="faults", daemon=True)
        #: The name by which the rules know what it may do to an answer, and what it is.
        self._kinds: list[tuple[str, Callable[[], str]]] = [
            ("death", self._kill),
            ("death", self._stand_still_for_long),
            ("death", self._stand_still_and_die),
            ("end", self._terminate),
            ("end", self._reload),
            ("flood", self._ask_too_much),
            ("pause", self._stand_still),
            ("pause", self._pause_redis),
            ("pause", self._pause_upstream),
            ("cut", self._cut),
            ("cut", self._cut_reply),
            ("cut", self._cut_replies),
            ("password", self._change_password),
            ("no memory", self._take_memory),
            ("redis restart", self._restart_redis),
            ("worker death", self._end_worker),
        ]

    def start(self) -> None:
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Go on for so long, and until each kind has been done once. Raises what went wrong."""
        self._thread.join(seconds)
        self._round_done.wait()
        self._stop.set()
        self._thread.join()
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        try:
            while True:
                for kind, do in self._choose.sample(self._kinds, len(self._kinds)):
                    if self._stop.wait(self._choose.uniform(0.2, 2.0)):
                        return
                    begin = time.monotonic()
                    fault = Fault(kind, begin, begin, do.__name__.strip("_"))
                    self.done.append(fault)
                    words = do()
                    self.done[-1] = Fault(kind, begin, time.monotonic(), words)
                    print(f"  {self.done[-1]}", flush=True)
                self._round_done.set()
        except Exception as error:
            self.failure = error
        finally:
            self._round_done.set()

    def _any(self) -> int:
        """The number of a server that is not the last one which serves."""
        until("two servers are ready", lambda: len(self._servers.ready()) > 1, 90)
        return self._choose.choice(self._servers.ready())

    def _kill(self) -> str:
        index = self._any()
        self._servers.replace(index, signal.SIGKILL)
        return f"server {index} was killed"

    def _terminate(self) -> str:
        index = self._any()
        self._servers.replace(index, signal.SIGTERM)
        return f"server {index} was asked to end"

    def _reload(self) -> str:
        index = self._any()
        self._servers.running[index].reload()
        return f"server {index} replaced itself"

    def _stand_still(self) -> str:
        return self._stop_one(self._choose.uniform(*SHORT))

    def _stand_still_for_long(self) -> str:
        return self._stop_one(self._choose.uniform(*LONG))

    def _stand_still_and_die(self) -> str:
        """As a machine that loses its power: its connections stay open until somebody finds out."""
        index = self._any()
        seconds = self._choose.uniform(*LONG)
        self._servers.running[index].signal(signal.SIGSTOP)
        self._stop.wait(seconds)
        self._servers.replace(index, signal.SIGKILL)
        return f"server {index} stood still for {seconds:.1f} s and was killed"

    def _stop_one(self, seconds: float) -> str:
        index = self._any()
        self._servers.running[index].signal(signal.SIGSTOP)
        self._stop.wait(seconds)
        self._servers.running[index].signal(signal.SIGCONT)
        return f"server {index} stood still for {seconds:.1f} s"

    def _pause_redis(self) -> str:
        seconds = self._choose.uniform(0.2, 4.0)
        os.kill(self._redis.pid, signal.SIGSTOP)
        self._stop.wait(seconds)
        os.kill(self._redis.pid, signal.SIGCONT)
        return f"Redis stood still for {seconds:.1f} s"

    def _pause_upstream(self) -> str:
        seconds = self._choose.uniform(0.2, 2.0)
        self._upstream.signal(signal.SIGSTOP)
        self._stop.wait(seconds)
        self._upstream.signal(signal.SIGCONT)
        return f"the upstream stood still for {seconds:.1f} s"

    def _cut(self) -> str:
        self._proxy.cut()
        return "all connections of the servers to Redis were cut"

    def _cut_reply(self) -> str:
        self._proxy.cut_next_reply()
        return "a connection to Redis was cut in the middle of a reply"

    def _cut_replies(self) -> str:
        times = self._choose.randrange(5, 20)
        for _ in range(times):
            self._proxy.cut_next_reply()
            self._stop.wait(self._choose.uniform(0.0, 0.1))
        return f"connections to Redis were cut in the middle of {times} replies"

    def _change_password(self) -> str:
        """The servers have to connect anew meanwhile; who is connected may stay, as Redis has it."""
        seconds = self._choose.uniform(0.2, 2.0)
        with self._redis.connect() as connection:
            connection.command("CONFIG", "SET", "requirepass", "another")
            self._proxy.cut()
            self._stop.wait(seconds)
            connection.command("CONFIG", "SET", "requirepass", "")
        return f"Redis wanted another password for {seconds:.1f} s"

    def _take_memory(self) -> str:
        seconds = self._choose.uniform(0.2, 2.0)
        self._redis.command("CONFIG", "SET", "maxmemory", "1")
        self._stop.wait(seconds)
        self._redis.command("CONFIG", "SET", "maxmemory", "0")
        return f"Redis had no memory for {seconds:.1f} s"

    def _restart_redis(self) -> str:
        """It finds its data again: all of them are in its log before it answers."""
        kill = self._choose.random() < 0.5
        (self._redis.kill if kill else self._redis.stop)()
        self._stop.wait(self._choose.uniform(0.0, 2.0))
        self._redis.start()
        return f"Redis was {'killed' if kill else 'ended'} and started again"

    def _end_worker(self) -> str:
        self._kill_worker()
        return "a worker of the site was killed"

    def _ask_too_much(self) -> str:
        self._flood()
        return "more functions were called at once than there are places for"
