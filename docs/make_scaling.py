"""Writes the tables of docs/scaling.rst from benchmarks/capacity.py: python docs/make_scaling.py

The page's own text stays as it is. A table stands between `.. begin NAME` and `.. end`.
"""

from __future__ import annotations

import math
import pathlib
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from tables import table  # noqa: E402

from benchmarks import capacity  # noqa: E402
from benchmarks.capacity import Constants  # noqa: E402

PAGE = HERE / "scaling.rst"
PLACE = re.compile(r"(?<=^\.\. begin )(?P<name>\w+)\n\n.*?(?=^\.\. end$)", re.MULTILINE | re.DOTALL)
UNITS = {"ms": 1e-3, "us": 1e-6, "KiB": 1024, "MiB": 1024**2, "": 1}


def number(value: float) -> str:
    """1,234, and two digits of what is less than ten."""
    if math.isinf(value):
        return ""
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"


def memory(size: float) -> str:
    return f"{number(size / 1024**3)} GiB" if size >= 1024**3 else f"{number(size / 1024**2)} MiB"


def share(value: float) -> str:
    if value < 0.001:
        return "below 0.1 %"
    return f"{value * 100:.1f} %" if value < 0.1 else f"{value * 100:.0f} %"


def seconds(value: float) -> str:
    return f"{value:g} s" if value >= 1 else f"{value * 1000:g} ms"


def constants() -> str:
    rows = []
    for one in fields(Constants):
        about = one.metadata
        value = one.default / UNITS[about["unit"]]
        rows.append(
            (
                about["what"],
                f"{value:.3g} {about['unit'].replace('us', 'µs')}".strip(),
                f"``{about['command']}``",
            )
        )
    return table(("What", "Value", "Printed by"), rows, "46 14 40")


def limits() -> str:
    rows = [
        (limit.what, *(number(limit.in_flight(each)) for each in capacity.UPSTREAMS), limit.helps)
        for limit in sorted(capacity.limits(), key=lambda limit: limit.in_flight(1))
    ]
    head = ["What ends", *(f"at {seconds(each)}" for each in capacity.UPSTREAMS), "What helps"]
    return table(head, rows, "34 10 10 10 36")


def loads() -> Iterator[tuple[list[str], capacity.Size]]:
    """What stands first in a row, and what that load needs."""
    for in_flight in capacity.SIZES:
        for each in capacity.UPSTREAMS:
            yield [number(in_flight), seconds(each)], capacity.size(in_flight, each)


def sizes() -> str:
    rows = []
    for load, size in loads():
        cell = size.cell
        counts = (count * size.cells for count in (cell.servers, cell.shards, cell.daphnes, cell.workers))
        rows.append([*load, number(size.rate), number(size.cells), *map(number, counts)])
    head = ("In flight", "upstream", "a second", "cells", "servers", "shards", "daphnes", "workers")
    return table(head, rows)


def machines() -> str:
    rows = []
    for load, size in loads():
        memories = (size.servers_memory, size.site_memory, size.redis_memory)
        held = (size.cell.files, size.cell.browsers, size.cell.connections)
        rows.append([*load, number(size.cores), *map(memory, memories), *map(number, held)])
    head = (
        "In flight", "upstream", "cores", "memory of servers", "of daphnes, workers", "of Redis",
        "files of a server", "of a daphne", "connections of a shard",
    )  # fmt: skip
    return table(head, rows)


def heartbeats() -> str:
    rows = []
    for servers, shards in ((10, 1), (10, 4), (100, 4), (100, 16), (500, 32), (1000, 64)):
        cell = capacity.quadratic(servers, shards)
        rows.append(
            (number(servers), number(shards), share(cell.redis_overhead), share(cell.server_overhead))
        )
    return table(("Servers", "shards", "of each shard's core", "of each server's core"), rows)


def cells() -> str:
    rows = []
    words = {math.inf: "every server (the default)", 2: "two", 1: "one", 0: "none"}
    for lookers, word in words.items():
        cell = capacity.largest_cell(Constants(), lookers)
        rows.append((word, number(round(cell.rate, -2)), number(cell.servers), number(cell.shards)))
    return table(("Who reads ``http.disconnect``", "requests a second", "servers", "shards"), rows)


TABLES: dict[str, Callable[[], str]] = {
    one.__name__: one for one in (constants, limits, sizes, machines, heartbeats, cells)
}


def render() -> str:
    """The text of docs/scaling.rst, its tables as they are now."""
    return PLACE.sub(lambda place: f"{place['name']}\n\n{TABLES[place['name']]()}\n", PAGE.read_text())


if __name__ == "__main__":
    PAGE.write_text(render())
