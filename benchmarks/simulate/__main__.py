"""Checks the queueing part of docs/scaling.rst: the formulas of model.py beside a simulation.

    python -m benchmarks.simulate [--seed 1] [--operations 100000]

Prints a table, and ends with 1 where a difference is larger than what the row allows.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import mean

from . import model, shards
from .station import Outcome, Station, constant, exponential, simulate

#: Where more come than can be done: their deadline, while their upstream takes 1, and after how many
#: operations at the latest the channel is as full as it gets.
DEADLINE = 10.0
MOST_FILL = 20_000


@dataclass(frozen=True)
class Row:
    """One check. `tolerance` is a share of the model's value, or of 1 where that is a share itself."""

    what: str
    model: float
    simulation: float
    tolerance: float
    is_share: bool = False

    @property
    def difference(self) -> float:
        difference = self.simulation - self.model
        return difference if self.is_share else difference / self.model

    @property
    def holds(self) -> bool:
        return abs(self.difference) <= self.tolerance

    def __str__(self) -> str:
        form = ".1%" if self.is_share else ".3f"
        words = "" if self.holds else "  TOO MUCH"
        return (
            f"{self.what:<70} {self.model:>8{form}} {self.simulation:>10{form}}"
            f" {self.difference:>+10.1%}  of {self.tolerance:.0%}{words}"
        )


def rows(operations: int, seed: int) -> Iterator[Row]:
    """All checks. Times are in units of the cost of an operation, or of its time at the upstream."""
    yield from processor(operations, seed)
    yield from places(operations, seed)
    yield from overload(operations, seed)
    yield from spread(operations, seed)


def processor(operations: int, seed: int) -> Iterator[Row]:
    """What an operation's processor time becomes where others want the processor, too."""
    for busy in (0.3, 0.6, 0.8):
        found = simulate(Station(rate=busy, cost=1.0), operations, seed)
        yield Row(
            f"one server, {busy:.0%} busy: time for 1 of work", model.shared(1, busy), mean(found.took), 0.05
        )
    for busy in (0.6, 0.8):
        station = Station(rate=4 * busy, cost=1.0, servers=4, claims="random")
        found = simulate(station, operations, seed)
        what = f"four servers, {busy:.0%} busy, each gets any operation"
        yield Row(what, model.shared(1, busy), mean(found.took), 0.05)
        found = simulate(
            Station(rate=4 * busy, upstream=constant(1.0), servers=4, places=1), operations, seed
        )
        what = "the same, each takes the next when it has done one: wait"
        yield Row(what, model.wait_constant(4, 4 * busy, 1), mean(found.waited), 0.1)


def places(operations: int, seed: int) -> Iterator[Row]:
    """Two servers with ten places each: the wait for a place."""
    for busy in (0.8, 0.9):
        load = 20 * busy
        found = simulate(
            Station(rate=load, upstream=exponential(1.0), servers=2, places=10), operations, seed
        )
        what = f"20 places, {busy:.0%} taken, upstream of"
        yield Row(f"{what} about 1: who waits", model.waits(20, load), waiting(found), 0.05, is_share=True)
        yield Row(f"{what} about 1: wait", model.wait_exponential(20, load, 1), mean(found.waited), 0.25)
        found = simulate(Station(rate=load, upstream=constant(1.0), servers=2, places=10), operations, seed)
        yield Row(f"{what} exactly 1: wait", model.wait_constant(20, load, 1), mean(found.waited), 0.25)


def overload(operations: int, seed: int) -> Iterator[Row]:
    """Two servers with fifty places each, and more than they can do: who is answered by the deadline."""
    for much in (1.25, 2.0):
        for is_constant in (True, False):
            upstream = (constant if is_constant else exponential)(1.0)
            for bound in (None, 700):
                station = Station(rate=100 * much, upstream=upstream, servers=2, places=50, deadline=DEADLINE)
                if bound:
                    station.capacity = bound
                found = simulate(station, max(MOST_FILL, operations // 4), seed, warm_up=0.5)
                what = f"{much:g} times the load, upstream of {'exactly' if is_constant else 'about'} 1, "
                what += f"{f'channel of {bound}' if bound else 'no bound'}: in time"
                share = model.in_time(much, constant=is_constant, bounded=bound is not None)
                yield Row(what, share, found.in_time, 0.08, is_share=True)


def spread(operations: int, seed: int) -> Iterator[Row]:
    """Several shards: workers that listen on one at a time, replies that a hash spreads."""
    for workers, number in ((4, 2), (8, 4), (20, 4), (40, 16)):
        found = shards.nobody_listens(workers, number, operations // 4, seed)
        what = f"{workers} idle workers, {number} shards: nobody listens"
        yield Row(what, model.nobody_listens(workers, number), found, 0.05, is_share=True)
    for daphnes, number in ((8, 2), (40, 4), (400, 16)):
        found = shards.busiest(daphnes, number, max(10, operations // 1000), seed)
        yield Row(
            f"{daphnes} daphnes, {number} shards: on the busiest", model.busiest(daphnes, number), found, 0.1
        )


def waiting(found: Outcome) -> float:
    """The share of those that were claimed that waited for it."""
    return sum(waited > 0 for waited in found.waited) / len(found.waited)


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--operations", type=int, default=100_000, help="of each simulation")
    arguments = parser.parse_args(words)
    print(f"seed {arguments.seed}, {arguments.operations} operations each")
    print(f"{'':<70} {'model':>8} {'simulation':>10} {'difference':>10}  allowed")
    holds = True
    for row in rows(arguments.operations, arguments.seed):
        print(row, flush=True)
        holds = holds and row.holds
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
