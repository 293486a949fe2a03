"""What the benchmarks say: medians, ratios, goals, and the page that shows them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

OURS, BEST = "ours", "asyncio"


@dataclass(frozen=True)
class Load:
    """What a server is put under: GETs of a path at the upstream, or calls of one of measure.FUNCTIONS."""

    name: str
    title: str
    path: str
    outstanding: int
    measures: tuple[str, ...] = ("rate", "ratio", "processor", "p50", "p99")
    function: str = ""


LOADS = [
    Load("at-once", "upstream at once, 200 outstanding", "/", 200),
    Load("100ms", "upstream after 100 ms, 1,000 outstanding", "/wait/100", 1_000),
    Load(
        "1s", "upstream after 1 s, 10,000 outstanding", "/wait/1000", 10_000,
        ("rate", "ratio", "processor", "p50", "p99", "kilobytes"),
    ),
    Load(
        "bodies", "10 MB bodies, streamed, 4 outstanding", f"/body/{10 * 2**20}", 4,
        ("megabytes", "ratio", "memory"),
    ),
    Load(
        "call", "CALL of an empty async function, 150 outstanding", "", 150,
        ("rate", "processor", "p50", "p99"), "nothing",
    ),
    Load(
        "compute", "CALL of a function that computes for some milliseconds, 100 outstanding", "", 100,
        ("rate", "p50", "p99"), "compute",
    ),
]  # fmt: skip

#: How a measure is headed and written. `ratio` is that of the first measure to asyncio's.
MEASURES: dict[str, tuple[str, Callable[[float], str]]] = {
    "rate": ("operations/s", lambda value: f"{value:,.0f}" if value >= 100 else f"{value:.1f}"),
    "ratio": ("of asyncio batched", lambda value: f"{value:.2f}"),
    "p50": ("p50", lambda value: duration(value)),
    "p99": ("p99", lambda value: duration(value)),
    "kilobytes": ("KB an operation", lambda value: f"{value:.1f}"),
    "megabytes": ("MB/s", lambda value: f"{value:,.0f}"),
    "memory": ("MB above idle", lambda value: f"{value:.0f}"),
    "processor": ("processor (µs)", lambda value: f"{value:.0f}"),
}


def duration(seconds: float) -> str:
    """For people: 3.4 ms, 1.23 s."""
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


@dataclass
class Results:
    """Every figure of every round: of a load, a server and a measure."""

    machine: str = ""
    rounds: int = 0
    values: dict[tuple[str, str, str], list[float]] = field(default_factory=dict)
    versions: str = ""  # of the rivals
    seconds: float = 4.0  # of each measurement
    #: Who was not measured under a load, and why: the first line of what it said.
    missing: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, load: str, who: str, figures: dict[str, float]) -> None:
        for measure, value in figures.items():
            self.values.setdefault((load, who, measure), []).append(value)

    def median(self, load: str, who: str, measure: str) -> float | None:
        """None where it was not measured."""
        found = self.values.get((load, who, measure))
        return statistics.median(found) if found else None

    def ratio(self, load: str, who: str, other: str, measure: str = "rate") -> float | None:
        """The median of the rounds' own ratios, so that what slows a whole round down does not count."""
        ours, theirs = (self.values.get((load, name, measure), []) for name in (who, other))
        pairs = [(one, two) for one, two in zip(ours, theirs, strict=False) if two]
        return statistics.median(one / two for one, two in pairs) if pairs else None

    def spread(self, load: str, who: str, measure: str) -> float:
        """How far the rounds are apart: highest less lowest, of the median."""
        found = self.values.get((load, who, measure), [])
        middle = statistics.median(found) if found else 0
        return (max(found) - min(found)) / middle if middle else 0.0

    def servers(self, load: str) -> list[str]:
        """Who was measured, in the order of the measurements."""
        return list(dict.fromkeys(who for name, who, _ in self.values if name == load))

    def write(self, file: Path) -> None:
        rows = [[*key, found] for key, found in self.values.items()]
        about = {"machine": self.machine, "rounds": self.rounds, "versions": self.versions}
        missing = [[*key, why] for key, why in self.missing.items()]
        fresh = file.with_name(file.name + ".new")  # a signal in the middle of it leaves the one of before
        fresh.write_text(json.dumps({**about, "seconds": self.seconds, "values": rows, "missing": missing}))
        fresh.replace(file)

    @classmethod
    def read(cls, file: Path) -> Results:
        text = json.loads(file.read_text())
        values = {(load, who, measure): found for load, who, measure, found in text["values"]}
        results = cls(text["machine"], text["rounds"], values, text.get("versions", ""))
        results.seconds = text.get("seconds", results.seconds)
        results.missing = {(load, who): why for load, who, why in text.get("missing", [])}
        return results


@dataclass(frozen=True)
class Goal:
    """A bound on a ratio or a figure of one run."""

    load: str
    text: str
    value: Callable[[Results], float | None]
    bound: float
    most: bool = False  # the bound is the highest that is good

    def met(self, results: Results) -> bool | None:
        """None where it was not measured."""
        value = self.value(results)
        if value is None:
            return None
        return value <= self.bound if self.most else value >= self.bound


def of(load: str, other: str, who: str = OURS, measure: str = "rate") -> Callable[[Results], float | None]:
    return lambda results: results.ratio(load, who, other, measure)


def figure(load: str, measure: str, who: str = OURS) -> Callable[[Results], float | None]:
    return lambda results: results.median(load, who, measure)


GOALS = [
    Goal("at-once", "of asyncio batched", of("at-once", BEST), 1.0),
    Goal("at-once", "of taskiq", of("at-once", "taskiq"), 3.0),
    Goal("at-once", "of runworker, 32 threads", of("at-once", "runworker-32"), 6.0),
    Goal("100ms", "of asyncio batched", of("100ms", BEST), 1.1),
    Goal("100ms", "of the 2017 way", of("100ms", "2017"), 400.0),
    Goal("1s", "s, p50", figure("1s", "p50"), 1.3, most=True),
    Goal("1s", "s, p99", figure("1s", "p99"), 2.0, most=True),
    Goal("1s", "KB a waiting operation", figure("1s", "kilobytes"), 15.0, most=True),
    Goal("one", "ms added, p50", figure("one", "added"), 1.5, most=True),
    Goal("bodies", "of asyncio batched", of("bodies", BEST, measure="megabytes"), 1.0),
    Goal("bodies", "MB above idle", figure("bodies", "memory"), 60.0, most=True),
    Goal("compute", "of one process, with two", of("compute", OURS, who="ours-2"), 1.8),
    Goal("call", "calls a second", figure("call", "rate"), 15_000.0),
    Goal("at-once", "of the rate without a journal", of("at-once", "no-journal"), 0.9),
    Goal("idle", "% of a core, idle", figure("idle", "idle"), 0.3, most=True),
    Goal("idle", "s from start to first answer", figure("idle", "first"), 0.7, most=True),
]
TITLES = {load.name: load.title for load in LOADS}
TITLES |= {"one": "one operation at a time", "idle": "nothing to do"}


def table(header: Sequence[str], rows: Sequence[Sequence[str]], widths: str = "auto") -> str:
    """A list-table of reStructuredText."""
    lines = [".. list-table::", "    :header-rows: 1", f"    :widths: {widths}", ""]
    for row in [header, *rows]:
        lines += [f"    {'*' if number == 0 else ' '} - {cell}".rstrip() for number, cell in enumerate(row)]
    return "\n".join([*lines, ""])


def goals(results: Results) -> str:
    """Every goal beside what was measured."""
    words = {True: "yes", False: "**no**", None: "not measured"}
    rows = []
    for goal in GOALS:
        value = goal.value(results)
        rows.append(
            (
                TITLES[goal.load],
                f"at {'most' if goal.most else 'least'} {goal.bound:,g} {goal.text}",
                "" if value is None else f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}",
                words[goal.met(results)],
            )
        )
    return table(("Load", "Goal", "Measured", "Met"), rows)


def comparison(results: Results, load: Load, names: dict[str, str]) -> str:
    """All who were put under a load, the fastest first; who answered with errors is not fast for it."""
    first = load.measures[0]
    who = sorted(results.servers(load.name), key=lambda name: -(results.median(load.name, name, first) or 0))
    rows = []
    for name in who:
        failed = results.median(load.name, name, "failed")
        cells = [f"{names[name]} (**{failed:,.0f} failed**)" if failed else names[name]]
        for measure in load.measures:
            if measure == "ratio":
                value = results.ratio(load.name, name, BEST, first)
            else:
                value = results.median(load.name, name, measure)
            cells.append("" if value is None else MEASURES[measure][1](value))
        cells.append(f"{results.spread(load.name, name, first):.0%}")
        rows.append(cells)
    header = ["", *(MEASURES[measure][0] for measure in load.measures), "spread"]
    return table(header, rows)


def linearity(results: Results, outstanding: Sequence[int]) -> str:
    """What an operation costs by how many others wait."""
    rows = []
    for number in outstanding:
        cells = [f"{number:,}"]
        for measure in ("rate", "processor", "kilobytes"):
            value = results.median(f"waiting-{number}", OURS, measure)
            cells.append("" if value is None else MEASURES[measure][1](value))
        rows.append(cells)
    header = ["outstanding", *(MEASURES[name][0] for name in ("rate", "processor", "kilobytes"))]
    return table(header, rows)
