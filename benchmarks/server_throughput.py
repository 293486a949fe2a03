"""Operations a second of one server process, everything on this machine:

    python benchmarks/server_throughput.py [--operations 20000] [--outstanding 200] [--delay 0]

Starts a private Redis, an upstream and `python -m server_trio`, keeps `--outstanding` REQUEST operations
waiting, and prints how many were answered a second and the latency of an operation. All four processes
share the machine's cores, so compare figures of one run only.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from typing import Any

import msgspec.msgpack
import redis

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "client"), str(ROOT / "compat")]

from tests.harness.redis_server import redis_server  # noqa: E402

DAPHNE = "daphne.response.benchmarks!"

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
local keys = redis.call('LRANGE', KEYS[1], 0, 499)
if #keys == 0 then return {} end
redis.call('LTRIM', KEYS[1], #keys, -1)
local found = redis.call('MGET', unpack(keys))
redis.call('DEL', unpack(keys))
return found
"""


@contextlib.contextmanager
def process(*command: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A child process, killed at the end."""
    path = os.pathsep.join(str(ROOT / part) for part in (".", "client", "compat"))
    child = subprocess.Popen(  # noqa: S603
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": path, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        child.terminate()
        child.wait(30)


class Load:
    """Sends operations and takes their answers, as many outstanding as asked for."""

    def __init__(self, client: redis.Redis[bytes], url: str) -> None:
        self._send = client.register_script(SEND)
        self._take = client.register_script(TAKE)
        self._url = url
        self._sent_at: dict[str, float] = {}
        self.latencies: list[float] = []
        self.failed = 0

    def send(self, number: int) -> None:
        """Put `number` operations on the channel in one call."""
        keys, bodies = ["asgi:request.async"], []
        for _ in range(number):
            channel = DAPHNE + uuid.uuid4().hex[:10]
            keys.append("asgi:" + uuid.uuid4().hex)
            bodies.append(msgspec.msgpack.encode(self._message(channel)))
            self._sent_at[channel] = time.perf_counter()
        self._send(keys=keys, args=bodies)

    def take(self) -> int:
        """Take the answers that wait; return how many."""
        bodies = self._take(keys=["asgi:" + DAPHNE])
        now = time.perf_counter()
        for body in bodies:
            answer = msgspec.msgpack.decode(body)
            self.latencies.append(now - self._sent_at.pop(answer["__asgi_channel__"]))
            self.failed += answer["status"] != 200
        return len(bodies)

    def _message(self, channel: str) -> dict[str, Any]:
        return {
            "v": 2,
            "operation": "REQUEST",
            "id": uuid.uuid4().hex,
            "reply_channel": channel,
            "sent_at": time.time(),
            "response_headers": [[b"X-Frame-Options", b"SAMEORIGIN"]],
            "reply_format": "http",
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


def main() -> None:
    """Start all, load it, print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--operations", type=int, default=20000)
    parser.add_argument("--outstanding", type=int, default=200)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds the upstream waits")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(redis_server())
        upstream = stack.enter_context(
            process(str(ROOT / "benchmarks" / "fast_upstream.py"), str(arguments.delay))
        )
        assert upstream.stdout is not None
        url = f"http://127.0.0.1:{int(upstream.stdout.readline())}/"
        pathlib.Path(directory, "benchmark_settings.py").write_text(SETTINGS.format(url=server.url))
        os.chdir(directory)
        stack.enter_context(process("-m", "server_trio", "benchmark_settings"))
        load = Load(redis.Redis.from_url(server.url), url)
        load.run(min(2000, arguments.operations), min(200, arguments.outstanding))  # warm-up
        load.latencies.clear()
        seconds = load.run(arguments.operations, arguments.outstanding)
        p50, p99 = (statistics.quantiles(load.latencies, n=100)[index] for index in (49, 98))
        print(
            f"{arguments.operations / seconds:.0f} operations/s, {arguments.outstanding} outstanding,"
            f" upstream after {arguments.delay:g} s; latency p50 {p50 * 1000:.1f} ms,"
            f" p99 {p99 * 1000:.1f} ms; {load.failed} failed"
        )


if __name__ == "__main__":
    main()
