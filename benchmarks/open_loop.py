"""What an operation waits for a busy server: docs/scaling.rst's formulas beside the real thing.

    python benchmarks/open_loop.py [--work 10] [--seconds 30] [--busy 0.3 0.6 0.8]

One server does CALLs of a function that keeps its event loop for so many milliseconds: it sleeps, as one that
computes would, but what else the machine does hardly matters. They come as a Poisson process, whether or not
those before them are answered. Printed are how busy the server was (that time, and its processor time), how
long an operation took more than one that comes alone, and what M/D/1 says that it waits (Pollaczek and
Khinchine).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import random
import statistics
import tempfile
import time

import redis
from load import SETTINGS, Load, end_on_signals, process, redis_server
from server_idle import median_ms, one_by_one, processor_seconds

from benchmarks.simulate import model

FUNCTION = """
import time

async def work():
    time.sleep({seconds})
    return b""
"""
CALLS = "CHANNELS_ASYNC_SERVER['CALLS'] = {'work': 'benchmark_functions.work'}\n"
CALL = {"operation": "CALL", "function": "work", "args": [], "kwargs": {}}
POLL = 0.0005  # seconds between two looks for answers


def poisson(load: Load, rate: float, seconds: float, dice: random.Random) -> None:
    """Send operations for so long, each when its time has come, and take all answers."""
    now = time.perf_counter()
    end, next_at = now + seconds, now + dice.expovariate(rate)
    while now < end or load.outstanding:
        while next_at <= min(now, end):
            load.send(1)
            next_at += dice.expovariate(rate)
        if not load.take():
            time.sleep(POLL)
        now = time.perf_counter()


@end_on_signals()
def main() -> None:
    """Start all, measure each, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=float, default=10.0, help="milliseconds")
    parser.add_argument("--seconds", type=float, default=30.0, help="for each")
    parser.add_argument("--busy", type=float, nargs="+", default=[0.3, 0.6, 0.8])
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    dice = random.Random(arguments.seed)  # noqa: S311 - no secret
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(redis_server())
        os.chdir(directory)
        pathlib.Path("benchmark_settings.py").write_text(SETTINGS.format(url=server.url) + CALLS)
        pathlib.Path("benchmark_functions.py").write_text(FUNCTION.format(seconds=arguments.work / 1000))
        pid = stack.enter_context(process("-m", "server_trio", "benchmark_settings")).pid
        client = redis.Redis.from_url(server.url, socket_timeout=None)
        one_by_one(client, Load(client, "", CALL), 50)  # warm-up
        alone = median_ms(one_by_one(client, Load(client, "", CALL), 300))
        print(f"alone: {alone:.2f} ms")
        print("aimed at   busy   cost      waits    M/D/1 says")
        for busy in arguments.busy:
            load = Load(client, "", CALL)
            before, began = processor_seconds(pid), time.perf_counter()
            poisson(load, busy / (arguments.work * 1.1 / 1000), arguments.seconds, dice)
            used, took = processor_seconds(pid) - before, time.perf_counter() - began
            cost = arguments.work / 1000 + used / len(load.latencies)
            was_busy = cost * len(load.latencies) / took
            waited = statistics.mean(load.latencies) * 1000 - alone
            says = model.wait_constant(1, was_busy, cost) * 1000
            print(f"{busy:>8.0%} {was_busy:>6.0%} {cost * 1000:5.2f} ms {waited:7.2f} ms {says:9.2f} ms")


if __name__ == "__main__":
    main()
