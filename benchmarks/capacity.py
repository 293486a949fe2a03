"""A capacity model on paper: how many of each a load needs, and which limit it meets first.

    python -m benchmarks.capacity [--in-flight 1000] [--seconds 1]

All that was measured stands in `Constants`, once; docs/scaling.rst is written from here by
docs/make_scaling.py. The queueing part is checked by `python -m benchmarks.simulate`.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

KiB, MiB, GiB = 1024, 1024**2, 1024**3
US, MS = 1e-6, 1e-3

COSTS = "python benchmarks/costs.py"
SITE = "python benchmarks/site_costs.py --web-python .nox/site2.7/bin/python"
REDIS = "python benchmarks/redis_costs.py"


def measured(value: float, unit: str, what: str, command: str) -> Any:
    return field(default=value, metadata={"unit": unit, "what": what, "command": command})


@dataclass(frozen=True)
class Constants:
    """Seconds of one core and bytes, each with the command that prints it."""

    server: float = measured(0.16 * MS, "ms", "processor of the server, for an operation", COSTS)
    server_redis: float = measured(0.03 * MS, "ms", "processor of Redis, for the server's part of it", COSTS)
    server_memory: float = measured(52 * MiB, "MiB", "memory of an idle server", COSTS)
    operation_memory: float = measured(12.0 * KiB, "KiB", "memory of the server for one that waits", COSTS)
    daphne: float = measured(0.97 * MS, "ms", "processor of daphne, for a request", SITE)
    worker: float = measured(1.7 * MS, "ms", "processor of a worker, for a request handed off", SITE)
    alone: float = measured(1.5 * MS, "ms", "processor of the server, for one of 100 a second", SITE)
    daphne_memory: float = measured(51 * MiB, "MiB", "memory of an idle daphne", SITE)
    worker_memory: float = measured(54 * MiB, "MiB", "memory of a worker", SITE)
    browser_memory: float = measured(14.9 * KiB, "KiB", "memory of daphne for a browser that waits", SITE)
    message_memory: float = measured(0.6 * KiB, "KiB", "memory of Redis for one, queued or journalled", SITE)
    site_redis: float = measured(0.16 * MS, "ms", "processor of Redis, for daphne and a worker", REDIS)
    beat_redis: float = measured(20 * US, "us", "processor of Redis, for a heartbeat", REDIS)
    beat_redis_each: float = measured(0.55 * US, "us", "and for each server that there is", REDIS)
    beat: float = measured(270 * US, "us", "processor of the server, for its heartbeat", REDIS)
    beat_each: float = measured(5.8 * US, "us", "and for each server that there is", REDIS)
    look_redis: float = measured(0.6 * MS, "ms", "processor of Redis, for a look at who is done", REDIS)
    look: float = measured(1.6 * MS, "ms", "processor of the server that looks (``http.disconnect``)", REDIS)
    told: float = measured(0.6 * MS, "ms", "processor of each other, which is told what it found", REDIS)
    told_each: float = measured(0.75 * US, "us", "and for each browser in it", REDIS)
    report: float = measured(7.6 * KiB, "KiB", "a server's report, each second to each shard", REDIS)
    connections: float = measured(4, "", "connections of a server to each shard that answers go by", REDIS)
    look_connections: float = measured(1, "", "and one more where it reads ``http.disconnect``", REDIS)
    first_connections: float = measured(1, "", "and to the first, for what servers tell each other", REDIS)


#: What a server's core, and Redis's, is busy at the most. The rest is for bursts: model.shared.
BUSY, REDIS_BUSY = 0.6, 0.5
#: Of these, what may go into looking after each other.
OVERHEAD = 0.15

PLACES = 20_000  # CONCURRENCY['total'] of a server; up to here an operation's cost does not grow
BROWSERS = 10_000  # connections held by one daphne, each a file
LOOKERS = 2  # servers of a cell that read http.disconnect; the others have DISCONNECT_CHANNELS = []
LOOKS = 20  # a second, of one server on one shard; disconnects.PAUSE

# Defaults, of Linux and of the packages.
PORTS = 28_232  # ip_local_port_range, for one source and one destination address
FILES = 1_024  # ulimit -n
CLIENTS = 10_000  # maxclients of Redis
CAPACITY = 100  # of a channel of asgi_redis
TOTAL, PER_HOST = 1_000, 100  # CONCURRENCY
DEATH = 4.0  # seconds until what a dead server had is done by another
EXPIRY = 60.0  # of a message of asgi_redis
REPORTS = 500  # servers that status and top show

SIZES = (1_000, 100_000, 10_000_000)
UPSTREAMS = (0.1, 1.0, 30.0)  # seconds


@dataclass(frozen=True)
class Cell:
    """A site with Redis, daphnes, workers and servers of its own; a large one has several."""

    rate: float  # requests a second
    in_flight: float
    servers: int
    shards: int
    constants: Constants
    lookers: float = LOOKERS  # servers that read http.disconnect

    @property
    def daphnes(self) -> int:
        return math.ceil(max(self.rate * self.constants.daphne / BUSY, self.in_flight / BROWSERS)) + 1

    @property
    def workers(self) -> int:
        """Enough for the work, and so many that one listens on each shard (simulate.model.nobody_listens)."""
        by_work = math.ceil(self.rate * self.constants.worker / BUSY) + 1
        return max(by_work, 5 * self.shards if self.shards > 1 else 1)

    @property
    def looks(self) -> float:
        """At browsers that are done, a second, on all shards together."""
        return min(self.rate, LOOKS * min(self.servers, self.lookers) * self.shards)

    @property
    def server_overhead(self) -> float:
        """The share of a server's core that goes into what others tell it, and into telling that it lives."""
        c = self.constants
        heard = self.looks * c.told + self.rate * c.told_each if self.servers > 1 else 0.0
        return self.shards * (c.beat + c.beat_each * self.servers) + heard

    @property
    def redis_overhead(self) -> float:
        """The same of a shard's core."""
        c = self.constants
        beats = self.servers * (c.beat_redis + c.beat_redis_each * self.servers)
        return beats + self.looks / self.shards * c.look_redis

    @property
    def connections(self) -> int:
        """To the first shard, which has the most. A daphne and a worker have one each."""
        look = int(min(self.servers, self.lookers))
        hear = self.servers - look
        of_servers = look * self.to_redis(0, looks=True) + hear * self.to_redis(0, looks=False)
        return of_servers + self.daphnes + self.workers

    def to_redis(self, shard: int, *, looks: bool) -> int:
        """Connections of one server to a shard, which are counted from 0; `looks`: at ``http.disconnect``."""
        c = self.constants
        return round(c.connections + c.look_connections * looks + c.first_connections * (shard == 0))

    @property
    def files(self) -> int:
        """Of a server that reads http.disconnect, while all are there: one upstream's for each operation."""
        to_redis = sum(self.to_redis(shard, looks=True) for shard in range(self.shards))
        return math.ceil(self.in_flight / self.servers) + to_redis + 50

    @property
    def browsers(self) -> int:
        """Files of one daphne."""
        return math.ceil(self.in_flight / self.daphnes) + self.shards + 20

    @property
    def fits(self) -> bool:
        return (
            self.server_overhead <= OVERHEAD
            and self.redis_overhead <= OVERHEAD
            and self.connections <= CLIENTS
            and self.servers <= REPORTS
        )


def cell(rate: float, in_flight: float, constants: Constants, lookers: float = LOOKERS) -> Cell:
    """The servers and shards for so much, with one server more than that; it may not fit."""
    found = Cell(rate, in_flight, 2, 1, constants, lookers)
    for _ in range(20):  # until it changes no more: each adds work for the others
        if not found.fits:
            break
        work = rate * constants.server / (BUSY - found.server_overhead)
        servers = math.ceil(max(work, in_flight / PLACES)) + 1
        of_redis = rate * (constants.server_redis + constants.site_redis)
        shards = max(1, math.ceil(of_redis / (REDIS_BUSY - found.redis_overhead)))
        if (servers, shards) == (found.servers, found.shards):
            break
        found = replace(found, servers=servers, shards=shards)
    return found


@dataclass(frozen=True)
class Size:
    """What a load needs: cells of one kind."""

    in_flight: int
    seconds: float
    cells: int
    cell: Cell

    @property
    def rate(self) -> float:
        """Little's law."""
        return self.in_flight / self.seconds

    @property
    def cores(self) -> int:
        """One for each process."""
        cell = self.cell
        return self.cells * (cell.servers + cell.shards + cell.daphnes + cell.workers)

    @property
    def servers_memory(self) -> float:
        """Bytes, of all."""
        c = self.cell.constants
        return self.cells * self.cell.servers * c.server_memory + self.in_flight * c.operation_memory

    @property
    def site_memory(self) -> float:
        """Bytes, of all daphnes and workers."""
        c = self.cell.constants
        idle = self.cell.daphnes * c.daphne_memory + self.cell.workers * c.worker_memory
        return self.cells * idle + self.in_flight * c.browser_memory

    @property
    def redis_memory(self) -> float:
        """Bytes, of all: what is at work, and as much again that comes while a server is dead."""
        return (self.in_flight + self.rate * DEATH) * self.cell.constants.message_memory


def size(in_flight: int, seconds: float, constants: Constants = Constants()) -> Size:
    """What so many in flight need, each of which takes its upstream so long: in as few cells as will do."""

    def with_cells(number: int) -> Size:
        return Size(
            in_flight, seconds, number, cell(in_flight / seconds / number, in_flight / number, constants)
        )

    most = 1
    while not with_cells(most).cell.fits:
        most *= 2
    least = most // 2 + 1 if most > 1 else 1
    while least < most:
        middle = (least + most) // 2
        least, most = (least, middle) if with_cells(middle).cell.fits else (middle + 1, most)
    return with_cells(most)


@dataclass(frozen=True)
class Limit:
    """Something that ends before the load does. `rate`: a second; `number`: in flight."""

    what: str
    helps: str
    rate: float = math.inf
    number: float = math.inf

    def in_flight(self, seconds: float) -> float:
        """How many are in flight when it is met."""
        return min(self.number, self.rate * seconds)


def limits(constants: Constants = Constants()) -> list[Limit]:
    """Those of one process of each kind, of the defaults, and of one cell."""
    c = constants
    largest = largest_cell(c)
    return [
        Limit("``CONCURRENCY['per_host']``, where all ask one upstream", "set it", number=PER_HOST),
        Limit("``CONCURRENCY['total']`` of one server", f"set it, up to {PLACES:,}", number=TOTAL),
        Limit("files of daphne, or of a server", "``LimitNOFILE``, as the units have it", number=FILES),
        Limit("one worker", "more of them, at least five for each shard", rate=BUSY / c.worker),
        Limit("capacity of ``request.async``, while nobody takes any: the only server has died",
              "``channel_capacity``; a second server", rate=CAPACITY / DEATH),
        Limit("one daphne, its processor", "more of them, behind a proxy", rate=BUSY / c.daphne),
        Limit("one daphne, its connections", "more of them", number=BROWSERS),
        Limit("one server, its processor", "more of them: ``--processes``, machines", rate=BUSY / c.server),
        Limit("places of one server, as far as tried", "more of them", number=PLACES),
        Limit("ports from one machine to one upstream address", "more addresses", number=PORTS),
        Limit("one Redis", "a shard more", rate=REDIS_BUSY / (c.server_redis + c.site_redis)),
        Limit("one cell: servers look after each other", "another cell", rate=largest.rate),
    ]  # fmt: skip


def largest_cell(constants: Constants, lookers: float = LOOKERS) -> Cell:
    """The one with the highest rate that fits, where places are no limit."""
    least, most = 1.0, 1e7
    while most / least > 1.001:
        middle = math.sqrt(least * most)
        least, most = (middle, most) if cell(middle, 0, constants, lookers).fits else (least, middle)
    return cell(least, 0, constants, lookers)


def quadratic(servers: int, shards: int, constants: Constants = Constants()) -> Cell:
    """So many servers in one cell, which do nothing but look after each other."""
    return Cell(0, 0, servers, shards, constants)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--in-flight", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=1.0, help="that an upstream takes")
    arguments = parser.parse_args()
    if arguments.in_flight < 1 or not 0 < arguments.seconds < math.inf:
        parser.error("--in-flight and --seconds are to be above 0")
    found = size(arguments.in_flight, arguments.seconds)
    print(f"{found.rate:,.0f} a second; cells: {found.cells}, in each:")
    print(f"  {found.cell.servers} servers, {found.cell.shards} shards, {found.cell.daphnes} daphnes, "
          f"{found.cell.workers} workers")  # fmt: skip


if __name__ == "__main__":
    main()
