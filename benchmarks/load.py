"""The load generator of all benchmarks: writes operations to Redis as asgi_redis does, and takes the answers.

An operation's answer is complete when the message without `more_content` is there; every message is taken
and decoded, as daphne would. To cost little itself, it packs a batch's message once and replaces the ids.
"""

from __future__ import annotations

import compileall
import contextlib
import math
import os
import pathlib
import resource
import signal
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import msgspec
import redis
import trio

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "client"), str(ROOT / "compat")]

from tests.harness.processes import end_descendants  # noqa: E402
from tests.harness.redis_server import redis_server  # noqa: E402
from tests.harness.signals import ENDING, on_ending_signal  # noqa: E402

__all__ = ["DAPHNE", "ROOT", "SEND", "SETTINGS", "Answer", "Load"]
__all__ += ["BYTECODE", "compile_sources", "end_on_signals", "process", "redis_server", "run_in_trio"]
__all__ += ["upstream"]

T = TypeVar("T")
DAPHNE = "daphne.response.benchmarks!"
CHANNEL = "request.async"
#: Has a child keep what it compiles, or each start is as slow as the first; empty is as if it were not set.
BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}
PLACE = "0" * 32  # stands for an operation's id in the packed message

SETTINGS = """
SECRET_KEY = "benchmark"
CHANNEL_LAYERS = {{"default": {{"BACKEND": "asgi_redis.RedisChannelLayer", "CONFIG": {{
    "hosts": ["{url}"], "capacity": 100000}}}}}}
CHANNELS_ASYNC_SERVER = {{
    "CONCURRENCY": {{"total": 20000, "per_host": 20000}}, "HTTP": {{"idle_connections": 20000}}}}
"""

# What asgi_redis does when it sends (asgi_redis/core.py:531-539), for a batch of messages.
SEND = """
for index = 1, #ARGV do
    redis.call('SET', KEYS[index + 1], ARGV[index])
    redis.call('EXPIRE', KEYS[index + 1], 60)
    redis.call('RPUSH', KEYS[1], KEYS[index + 1])
end
redis.call('EXPIRE', KEYS[1], 61)
"""

# Takes what waits on a channel, as daphne does one by one.
TAKE = """
local keys = redis.call('LRANGE', KEYS[1], 0, ARGV[1] - 1)
if #keys == 0 then return {} end
redis.call('LTRIM', KEYS[1], #keys, -1)
local found = redis.call('MGET', unpack(keys))
redis.call('DEL', unpack(keys))
return found
"""


def compile_sources() -> None:
    """Leave bytecode behind, as pip does; with PYTHONDONTWRITEBYTECODE each start would else compile all."""
    for folder in ("server_trio", "client", "compat"):
        compileall.compile_dir(ROOT / folder, quiet=1)


@contextlib.contextmanager
def end_on_signals() -> Iterator[None]:
    """Have Ctrl-C, SIGTERM and SIGHUP end the block as an error would, and before that all children.

    They would else be left where the signal comes between a start and the `try` that ends what was started,
    or in a `finally` before it does. A second one does not leave half of them. The exit status is a shell's
    for that signal, whatever comes of it: a Redis that has ended answers nobody. For Trio: `run_in_trio`.
    """
    came: list[int] = []

    def end(number: int) -> None:
        came.append(number)
        end_descendants()
        raise SystemExit(128 + number)

    on_ending_signal(end)
    try:
        yield
    finally:
        if came:
            raise SystemExit(128 + came[0]) from None


def run_in_trio(main: Callable[..., Awaitable[T]], *arguments: Any) -> T:
    """`trio.run`, within `end_on_signals`: cancelled first, for Trio cannot clean up after an exception that
    comes in the middle of its own loop."""
    came: list[int] = []
    numbers = [number for number in ENDING if signal.getsignal(number) != signal.SIG_IGN]
    results: list[T] = []

    async def until_signalled() -> None:
        with trio.open_signal_receiver(*numbers) as signals:
            async with trio.open_nursery() as nursery:

                @nursery.start_soon
                async def cancel() -> None:
                    came.append(await anext(signals))
                    nursery.cancel_scope.cancel()

                results.append(await main(*arguments))
                nursery.cancel_scope.cancel()

    try:
        trio.run(until_signalled)
    finally:
        for number in came:
            signal.raise_signal(number)
    return results[0]


@contextlib.contextmanager
def process(*command: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A child process, killed at the end: it would first wait for what is in flight, for its grace time."""
    path = os.pathsep.join(str(ROOT / part) for part in (".", "client", "compat"))
    child = subprocess.Popen(  # noqa: S603
        [sys.executable, *command],
        env={**os.environ, **BYTECODE, "PYTHONPATH": path, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait(30)


@contextlib.contextmanager
def upstream(python: str = sys.executable, delay: float = 0.0) -> Iterator[str]:
    """The URL, without a path, of benchmarks/fast_upstream.py in a process of its own."""
    command = [python, str(ROOT / "benchmarks" / "fast_upstream.py"), str(delay)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:  # noqa: S603
        try:
            assert child.stdout is not None
            yield f"http://127.0.0.1:{int(child.stdout.readline())}"
        finally:
            child.kill()


def allow_many_files() -> None:
    """Let this process and its children have as many open files as the system lets them have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limits in ((65536, max(65536, hard)), (hard, hard)):  # the first only as root
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            return


class Answer(msgspec.Struct):
    """What is read of a message to daphne."""

    channel: str = msgspec.field(name="__asgi_channel__")
    status: int = 200
    more: bool = msgspec.field(name="more_content", default=False)
    content: bytes = b""


class Load:
    """Sends operations and takes their answers, as many outstanding as asked for."""

    def __init__(
        self, client: redis.Redis[bytes], url: str, operation: dict[str, Any] | None = None, batch: int = 500
    ) -> None:
        """`operation`: what to send instead of a GET of `url`. `batch`: most messages taken in one call."""
        self._send = client.register_script(SEND)
        self._take = client.register_script(TAKE)
        self._url = url
        self._operation = operation
        self._batch = batch
        self._decode = msgspec.msgpack.Decoder(Answer).decode
        self._sent_at: dict[str, float] = {}
        self.latencies: list[float] = []
        self.failed = 0
        self.bytes = 0

    @property
    def outstanding(self) -> int:
        """Operations that have no answer yet."""
        return len(self._sent_at)

    def send(self, number: int) -> None:
        """Put `number` operations on the channel, a thousand in one call."""
        template = msgspec.msgpack.encode(self._message())
        for begin in range(0, number, 1000):
            keys, bodies = ["asgi:" + CHANNEL], []
            now = time.perf_counter()
            for _ in range(min(1000, number - begin)):
                id = uuid.uuid4().hex
                keys.append("asgi:" + id)
                bodies.append(template.replace(PLACE.encode(), id.encode()))
                self._sent_at[DAPHNE + id] = now
            self._send(keys=keys, args=bodies)

    def take(self) -> int:
        """Take the answers that wait; return how many operations they complete."""
        bodies = self._take(keys=["asgi:" + DAPHNE], args=[self._batch])
        now = time.perf_counter()
        complete = 0
        for body in bodies:
            answer = self._decode(body)
            self.bytes += len(answer.content)
            self.failed += answer.status != 200
            if not answer.more:
                sent_at = self._sent_at.pop(answer.channel, now)  # a task queue's was sent elsewhere
                self.latencies.append(now - sent_at)
                complete += 1
        return complete

    def _message(self) -> dict[str, Any]:
        common = {
            "v": 2,
            "id": PLACE,
            "reply_channel": DAPHNE + PLACE,
            "sent_at": time.time(),
            "response_headers": [[b"X-Frame-Options", b"SAMEORIGIN"]],
            "reply_format": "http",
        }
        if self._operation is not None:
            return {**common, **self._operation}
        return {
            **common,
            "operation": "REQUEST",
            "url": self._url,
            "method": "GET",
            "headers": [
                [b"Accept", b"*/*"],
                [b"Accept-Encoding", b"identity"],
                [b"User-Agent", b"benchmark"],
            ],
            "body": b"",
            "allow_redirects": True,
            "max_redirects": 20,
        }

    def run(self, operations: int, outstanding: int) -> float:
        """Answer `operations` with `outstanding` waiting; return the seconds it took."""
        began = time.perf_counter()
        sent = answered = 0
        while answered < operations:
            free = min(outstanding - (sent - answered), operations - sent)
            if free > 0:
                self.send(free)
                sent += free
            taken = self.take()
            answered += taken
            if not taken:
                time.sleep(0.0005)
        return time.perf_counter() - began

    def run_for(self, seconds: float, outstanding: int, most: float = math.inf) -> float:
        """Keep so many waiting for that long, or until `most` are answered; return how many a second."""
        began = now = time.perf_counter()
        answered = 0
        while now - began < seconds and answered < most:
            free = outstanding - self.outstanding
            if free > 0:
                self.send(free)
            taken = self.take()
            answered += taken
            if not taken:
                time.sleep(0.0005)
            now = time.perf_counter()
        return answered / (now - began)

    def take_until(self, operations: int, seconds: float) -> float:
        """Take `operations` answers, or those of `seconds`; return how many came a second."""
        began = now = time.perf_counter()
        answered = 0
        while answered < operations and now - began < seconds:
            taken = self.take()
            answered += taken
            if not taken:
                time.sleep(0.0005)
            now = time.perf_counter()
        return answered / (now - began)

    def percentile(self, percent: int) -> float:
        """Of the seconds from sent to answered; 0 where nothing was answered."""
        if len(self.latencies) < 2:
            return self.latencies[0] if self.latencies else 0.0
        return statistics.quantiles(self.latencies, n=100)[percent - 1]

    def forget(self) -> None:
        """Begin to count anew; what is outstanding stays so."""
        self.latencies.clear()
        self.failed = self.bytes = 0
