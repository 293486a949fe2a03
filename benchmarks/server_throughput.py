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
import tempfile

import redis
from load import SETTINGS, Load, end_on_signals, process, redis_server, upstream


@end_on_signals()
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
        url = stack.enter_context(upstream(delay=arguments.delay)) + "/"
        pathlib.Path(directory, "benchmark_settings.py").write_text(SETTINGS.format(url=server.url))
        os.chdir(directory)
        stack.enter_context(process("-m", "server_trio", "benchmark_settings"))
        load = Load(redis.Redis.from_url(server.url), url)
        load.run(min(2000, arguments.operations), min(200, arguments.outstanding))  # warm-up
        load.latencies.clear()
        seconds = load.run(arguments.operations, arguments.outstanding)
        p50, p99 = load.percentile(50), load.percentile(99)
        print(
            f"{arguments.operations / seconds:.0f} operations/s, {arguments.outstanding} outstanding,"
            f" upstream after {arguments.delay:g} s; latency p50 {p50 * 1000:.1f} ms,"
            f" p99 {p99 * 1000:.1f} ms; {load.failed} failed"
        )


if __name__ == "__main__":
    main()
