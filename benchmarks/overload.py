"""Who is answered in time where more comes than can be done: docs/scaling.rst's rule beside the real thing.

    python benchmarks/overload.py [--seconds 60]

One server has twenty places, its upstream takes a second and its deadlines are five: it can do 20 a second.
25 come, as a Poisson process. Printed is the share of those of the second half that were answered in time,
with a channel without a bound and with one of 60 messages, which is below 20 x (5 - 1); what the simulation
has for the same, and what model.py says of many places.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import random
import tempfile
import time
from dataclasses import replace

import redis
from load import CHANNEL, Load, end_on_signals, process, redis_server, upstream

from benchmarks.simulate import model
from benchmarks.simulate.station import Station, constant, simulate

PLACES, UPSTREAM, DEADLINE, BOUND = 20, 1.0, 5, 60
OVERLOAD = 1.25
RATE = OVERLOAD * PLACES / UPSTREAM  # operations a second

SETTINGS = """
SECRET_KEY = "benchmark"
CHANNEL_LAYERS = {{"default": {{"BACKEND": "asgi_redis.RedisChannelLayer", "CONFIG": {{
    "hosts": ["{url}"], "capacity": 100000}}}}}}
CHANNELS_ASYNC_SERVER = {{
    "CONCURRENCY": {{"total": {places}, "per_host": {places}}}, "DEADLINES": {{"REQUEST": {deadline}}}}}
LOGGING = {{"version": 1, "root": {{"level": "CRITICAL"}}}}  # each that is late would be a line
"""


def station(bound: int | None) -> Station:
    """The same for the simulation."""
    found = Station(rate=RATE, upstream=constant(UPSTREAM), places=PLACES, deadline=DEADLINE)
    return found if bound is None else replace(found, capacity=bound)


def in_time(client: redis.Redis[bytes], url: str, seconds: float, bound: int | None) -> float:
    """The share of the operations of the second half. What finds the channel full is not sent."""
    load, dice = Load(client, url), random.Random(1)  # noqa: S311 - no secret
    now = time.perf_counter()
    half, end, next_at = now + seconds / 2, now + seconds, now
    refused, counts = 0, False
    while now < end or load.outstanding:
        if not counts and now >= half:
            load.forget()
            refused, counts = 0, True
        while next_at <= min(now, end):
            next_at += dice.expovariate(RATE)
            if bound is not None and client.llen("asgi:" + CHANNEL) >= bound:
                refused += 1
            else:
                load.send(1)
        if not load.take():
            time.sleep(0.001)
        now = time.perf_counter()
    return (len(load.latencies) - load.failed) / (len(load.latencies) + refused)


@end_on_signals()
def main() -> None:
    """Start all, measure both, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for each")
    arguments = parser.parse_args()
    for bound in (None, BOUND):
        with contextlib.ExitStack() as stack:
            directory = stack.enter_context(tempfile.TemporaryDirectory())
            server = stack.enter_context(redis_server())
            url = stack.enter_context(upstream(delay=UPSTREAM))
            os.chdir(directory)
            settings = SETTINGS.format(url=server.url, places=PLACES, deadline=DEADLINE)
            pathlib.Path("benchmark_settings.py").write_text(settings)
            stack.enter_context(process("-m", "server_trio", "benchmark_settings"))
            found = in_time(redis.Redis.from_url(server.url), url + "/", arguments.seconds, bound)
            os.chdir("/")
        simulated = simulate(station(bound), int(RATE * arguments.seconds), 1, warm_up=0.5).in_time
        says = model.in_time(OVERLOAD, constant=True, bounded=bound is not None)
        words = f"channel of {bound}" if bound else "no bound"
        print(f"{words:<14} {found:.0%} in time; simulation {simulated:.0%}, model {says:.0%}")


if __name__ == "__main__":
    main()
