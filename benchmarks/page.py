"""docs/benchmarks.rst and docs/benchmarks.svg, written from the figures of one run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.plot import picture
from benchmarks.report import GOALS, LOADS, TITLES, Results, comparison, goals, linearity

DOCS = Path(__file__).resolve().parents[1] / "docs"

HEAD = """\
Benchmarks
==========

.. This file is written by benchmarks/page.py from the figures of one run.

How fast the server is beside what a user could pick instead, measured in one run on one machine, and
what it costs. All of it again, on another machine::

    $ python3 noxfile.py -s bench

It takes some twenty minutes. Here it ran on {machine}.

The figures are medians of the rounds, {rounds} of them, which are interleaved: each measures every server
once. A ratio is the median of those within each round, because the machine is another one from round to
round; so it need not be that of the medians. What is called spread is highest less lowest of the rounds, of
the median: a difference that is smaller says nothing.

.. image:: benchmarks.svg
    :alt: For each load a bar for each server, as long as its rate, and the cost of an operation
    :width: 100%

How it is measured
------------------

* Redis, the upstream, the load generator and the server share the machine. Each measurement has a Redis
  and a server of its own, warmed up by 300 operations.
* The upstream is ``benchmarks/fast_upstream.py`` on uvloop.
* Servers that take our messages have a closed loop: the generator (``benchmarks/load.py``) keeps as many
  operations waiting as the load says, for {seconds:g} seconds, and takes their answers as daphne does.
* Of a task queue only its server side counts. It is stopped, its own client enqueues everything, and
  the clock starts when it goes on.
* Everybody does the same GET and pushes the same reply, as asgi_redis has it, and has as many operations at
  once as the load has outstanding, where that can be set.
* This server has its defaults, with the journal, and places for 20,000 operations. The rival called
  asyncio batched is as fast as we could make it, and keeps no journal, no deadlines and no limits.
* p50 and p99 are from sent to answered; on average that is what is outstanding, divided by the rate (Little's
  law), but for who answers few of them in that time. Processor is the time of all processes of a server for
  one operation, without Redis. Of a task queue neither is known.
* Rivals that are not for 10,000 operations at once are left out there. Bodies are streamed by asyncio batched
  alone, and functions are called by none of them.

The rivals are in ``benchmarks/rivals``{versions}. That each does its work shows
``python3 noxfile.py -s bench -- --check``.

Goals
-----

"""


MISSED = """\
A goal that is missed stays one. What asyncio batched is ahead by, where it is, goes into what it does
without: for each operation a task with a deadline that can be cancelled at any point, an entry in the
journal until its answer is on the reply channel, limits and a circuit breaker for its upstream; and into
uvloop, for Trio's loop is Python. What is a time or a rate by itself, and no ratio, depends on the machine
as well, and on what else it does.

"""


def command(load: str) -> str:
    return f"::\n\n    $ python3 noxfile.py -s bench -- --load {load}\n\n"


def section(title: str) -> str:
    title = title[0].upper() + title[1:]
    return f"{title}\n{'-' * len(title)}\n\n"


def text(results: Results, names: dict[str, str], outstanding: Sequence[int]) -> str:
    """The page."""
    versions = f": {results.versions}" if results.versions else ""
    head = HEAD.format(
        machine=results.machine, rounds=results.rounds, versions=versions, seconds=results.seconds
    )
    parts = [head, goals(results), "\n"]
    if results.missing:
        parts += ["Not measured:\n\n", *(f"* {line}\n" for line in missing(results, names)), "\n"]
    if any(goal.met(results) is False for goal in GOALS):
        parts.append(MISSED)
    for load in LOADS:
        if results.servers(load.name):
            parts += [section(load.title), command(load.name), comparison(results, load, names), "\n"]
    parts += [
        section("How cost grows with what waits"),
        "The upstream answers after a second. ",
        command("linearity"),
        linearity(results, outstanding),
        "\n",
        section("One operation at a time, and none"),
        "What is added is the whole round trip less a request to the upstream and a round trip to Redis.\n"
        "The figures are among the goals above. ",
        command("one idle"),
    ]
    return "".join(parts).rstrip() + "\n"


def missing(results: Results, names: dict[str, str]) -> list[str]:
    """A line for each that was not measured under a load."""
    return [
        f"{names.get(who, who)} under {TITLES.get(load, load)}: ``{why.replace('`', '')}``"
        for (load, who), why in results.missing.items()
    ]


def write(results: Results, names: dict[str, str], outstanding: Sequence[int]) -> None:
    (DOCS / "benchmarks.rst").write_text(text(results, names, outstanding))
    (DOCS / "benchmarks.svg").write_text(picture(results, names, outstanding))


def summary(results: Results) -> str:
    """The goals, for a terminal."""
    lines = []
    for goal in GOALS:
        value = goal.value(results)
        if value is not None:
            word = "met" if goal.met(results) else "NOT MET"
            bound = f"{'<=' if goal.most else '>='} {goal.bound:,g}"
            lines.append(f"{TITLES[goal.load]:<50} {value:>10,.2f} {bound:>9} {goal.text:<30} {word}")
    return "\n".join(lines)
