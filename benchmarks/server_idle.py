"""What a server costs when there is nothing to do, and how soon it is awake:

    python benchmarks/server_idle.py [--seconds 20] [--operations 500]

Prints the share of one core that an idle server uses, and the whole round trip of single operations
(message on Redis to answer on Redis, upstream included) beside a bare round trip to Redis and one to the
upstream, so that what the server adds can be told.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import pathlib
import statistics
import tempfile
import time

import redis
from load import DAPHNE, SETTINGS, Load, end_on_signals, process, redis_server, upstream


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far, seconds (proc(5), fields 14 and 15 of stat)."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def median_ms(samples: list[float]) -> float:
    """The median of seconds, in milliseconds."""
    return statistics.median(samples) * 1000


def one_by_one(client: redis.Redis[bytes], load: Load, operations: int) -> list[float]:
    """Seconds of each round trip, one operation at a time, waiting in Redis rather than polling."""
    samples = []
    for _ in range(operations):
        began = time.perf_counter()
        load.send(1)
        client.blmove("asgi:" + DAPHNE, "asgi:taken", 5)
        samples.append(time.perf_counter() - began)
        client.delete("asgi:taken")
        time.sleep(0.005)  # so that the server is idle again
    return samples


def upstream_alone(port: int, operations: int) -> list[float]:
    """Seconds of each bare request to the upstream on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    samples = []
    for _ in range(operations):
        began = time.perf_counter()
        connection.request("GET", "/")
        connection.getresponse().read()
        samples.append(time.perf_counter() - began)
    return samples


def redis_alone(client: redis.Redis[bytes], operations: int) -> list[float]:
    """Seconds of each bare round trip to Redis."""
    samples = []
    for _ in range(operations):
        began = time.perf_counter()
        client.ping()
        samples.append(time.perf_counter() - began)
    return samples


@end_on_signals()
def main() -> None:
    """Start all, look, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--operations", type=int, default=500)
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(redis_server())
        port = int(stack.enter_context(upstream()).rpartition(":")[2])
        pathlib.Path(directory, "benchmark_settings.py").write_text(SETTINGS.format(url=server.url))
        os.chdir(directory)
        child = stack.enter_context(process("-m", "server_trio", "benchmark_settings"))
        client = redis.Redis.from_url(server.url, socket_timeout=None)
        load = Load(client, f"http://127.0.0.1:{port}/")
        one_by_one(client, load, 50)  # warm-up: connections, scripts, caches
        before = processor_seconds(child.pid)
        time.sleep(arguments.seconds)
        share = (processor_seconds(child.pid) - before) / arguments.seconds
        whole = median_ms(one_by_one(client, load, arguments.operations))
        bare_upstream = median_ms(upstream_alone(port, arguments.operations))
        bare_redis = median_ms(redis_alone(client, arguments.operations))
    print(f"idle: {share:.2%} of a core over {arguments.seconds:g} s")
    print(
        f"one operation: median {whole:.2f} ms from Redis to Redis; an upstream request alone takes"
        f" {bare_upstream:.2f} ms, a Redis round trip {bare_redis:.2f} ms"
    )


if __name__ == "__main__":
    main()
