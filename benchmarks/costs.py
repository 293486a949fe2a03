"""What one operation costs, as the formula in docs/deployment.rst wants it:

    python benchmarks/costs.py [--operations 20000] [--waiting 5000]

Prints the processor time of the server and of Redis for a small REQUEST whose upstream answers at once, and
the memory of the server for one that waits. Processor time is a process' own (user and system), and memory
is resident: neither depends much on what else the machine does.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import tempfile
import time

import redis
from load import SETTINGS, Load, end_on_signals, process, redis_server, upstream
from server_idle import processor_seconds


def resident(pid: int) -> int:
    """Bytes of memory that a process has (proc(5), the second field of statm)."""
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def memory_of_waiting(load: Load, server: int, waiting: int) -> float:
    """Bytes for each of `waiting` operations that wait for their upstream at once."""
    before = resident(server)
    load.send(waiting)
    most, steady = before, 0
    while steady < 20:  # two seconds without growth: all of them wait
        time.sleep(0.1)
        now = resident(server)
        steady = steady + 1 if now <= most else 0
        most = max(most, now)
    return (most - before) / waiting


@end_on_signals()
def main() -> None:
    """Start all, load it, print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--operations", type=int, default=20000)
    parser.add_argument("--waiting", type=int, default=5000)
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(redis_server())
        fast, slow = (stack.enter_context(upstream(delay=delay)) + "/" for delay in (0, 60))
        pathlib.Path(directory, "benchmark_settings.py").write_text(
            SETTINGS.format(url=server.url) + "CHANNELS_ASYNC_SERVER['DEADLINES'] = {'REQUEST': 90}\n"
        )
        os.chdir(directory)
        pid = stack.enter_context(process("-m", "server_trio", "benchmark_settings")).pid
        client = redis.Redis.from_url(server.url)
        load = Load(client, fast)
        load.run(2000, 200)  # warm-up
        idle = resident(pid)
        began = processor_seconds(pid), processor_seconds(server.pid)
        load.run(arguments.operations, 200)
        of_server = (processor_seconds(pid) - began[0]) / arguments.operations
        of_redis = (processor_seconds(server.pid) - began[1]) / arguments.operations
        each = memory_of_waiting(Load(client, slow), pid, arguments.waiting)
    print(
        f"processor time of an operation: {of_server * 1000:.2f} ms of the server,"
        f" {of_redis * 1000:.2f} ms of Redis\n"
        f"memory: {idle / 2**20:.0f} MiB idle, {each / 1024:.1f} KiB for one of {arguments.waiting} that wait"
    )


if __name__ == "__main__":
    main()
