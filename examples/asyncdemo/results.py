"""What the hammer has seen: a table, and a page that says how it came about."""

from __future__ import annotations

import math
import os
import platform
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .hammer import Load

COMMAND = "python3 noxfile.py -s asyncdemo -- hammer"
COLUMNS = ["stage", "orders served", "failed", "p50", "p99", "notifications delivered", "workers lost"]


@dataclass(frozen=True)
class Result:
    """One stage under the load."""

    stage: str
    served: list[float]  # seconds that each answered order took, ascending
    failed: int  # orders that were answered with an error, or not in time
    due: int  # notifications: those of all orders, the failed ones too
    delivered: int  # notifications, counted where they arrive
    deaths: list[str]  # a line for each worker

    def percentile(self, percent: float) -> float | None:
        """Seconds, of the served orders (nearest rank); None without any."""
        if not self.served:
            return None
        return self.served[max(0, math.ceil(percent / 100 * len(self.served)) - 1)]

    def row(self) -> list[str]:
        """The cells of COLUMNS."""
        p50, p99 = (seconds(self.percentile(percent)) for percent in (50, 99))
        delivered = f"{self.delivered} of {self.due}"
        return [
            self.stage, str(len(self.served)), str(self.failed), p50, p99, delivered, str(len(self.deaths))
        ]  # fmt: skip


def seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s" if value >= 1 else f"{value * 1000:.0f} ms"


def table(results: list[Result]) -> str:
    """The results as a simple table of reStructuredText."""
    rows = [COLUMNS, *(result.row() for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    rule = "  ".join("=" * width for width in widths)
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in [rule, lines[0], rule, *lines[1:], rule])


def page(results: list[Result], load: Load, web_python: str, load_before: float) -> str:
    """results.rst. `load_before` is the machine's load average before the first stage."""
    return f"""\
Five stages under the same load
===============================

Written by ``{COMMAND}``; `README.rst <README.rst>`__ says what
the stages are.

.. image:: results.svg
   :alt: Orders served and failed, their p50 and p99, and notifications delivered, by stage

{table(results)}

The load
--------

{load.connections} connections, each of which orders, waits for the answer and orders again, for
{load.seconds:g} s. Each stage is started anew for it. An order has failed that was not answered 200 within
{load.patience:g} s; its connection orders again {load.pause:g} s later. p50 and p99 are those of the served.

Four notifications are due for each order, failed ones too. They take 5, 5, 5 and 30 s, times
{load.scale:g}, and are counted where they arrive, until {load.patience:g} s after the last order.

Nothing but the notifications is scaled. A worker gives up on a full channel after 2 s, as ever; beside
notifications of full length that is earlier, and workers are lost sooner than here.

What became of workers
----------------------

{_deaths(results)}

The machine
-----------

{machine()}, which the load, Redis, daphne, the workers, the server and the upstream share. The
site ran on Python {version(web_python)}, the server on {platform.python_version()}. In the minute before, the
machine had a load of {load_before:.1f} of other work.
"""


def _deaths(results: list[Result]) -> str:
    """An item for each stage: each kind of death with how often."""
    items = []
    for result in results:
        kinds = [f"{result.deaths.count(line)} x {line}" for line in dict.fromkeys(result.deaths)]
        said = "; ".join(kinds).rstrip(".") or "none died"
        items.append(f"* {result.stage}: {said}.")
    return "\n".join(items)


def machine() -> str:
    """Its cores and their kind."""
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            found = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
        model = found[0] if found else model
    return f"{os.cpu_count()} cores ({model})"


def version(python: str) -> str:
    """Of the interpreter at that path."""
    question = "import platform; print(platform.python_version())"
    return subprocess.run([python, "-c", question], capture_output=True, text=True, check=True).stdout.strip()
