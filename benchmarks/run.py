"""Measures this server beside what a user could pick instead, in one run on one machine.

    python3 noxfile.py -s bench                       everything; writes docs/benchmarks.rst and its picture,
                                                      after some twenty minutes
    python3 noxfile.py -s pace                        against asyncio alone, in less than a minute; for CI
    python3 noxfile.py -s bench -- --check            does each rival answer one operation?
    python3 noxfile.py -s bench -- --load at-once --who ours asyncio --rounds 3

The rounds are interleaved: each measures every server once, under every load. Needs the environments that
the session makes, which it names as `--python NAME=PATH`.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from load import allow_many_files, end_on_signals, upstream
from measure import OURS, Bench, DidNotStart, call
from rivals import RIVALS

from benchmarks import page
from benchmarks.report import BEST, LOADS, Load, Results

ROOT = Path(__file__).resolve().parents[1]
OUTSTANDING = (1_000, 2_000, 5_000, 10_000, 20_000)
ONLY_OURS = ("one", "idle", "linearity")  # what is measured besides LOADS
ALL_LOADS = [load.name for load in LOADS] + list(ONLY_OURS)
EVERYBODY = [OURS, "ours-2", "no-journal", *(rival.name for rival in RIVALS)]
#: The least ratio to asyncio's rate that the quick check lets pass: less than half of what is usual, for CI's
#: machines differ and are busy. What it finds is a slip that makes the server several times slower.
QUICK = {"at-once": 0.25, "100ms": 0.25}
ATTEMPTS = 3  # of the quick check
COSTS = 4.0  # times asyncio's processor time for an operation; it does not depend on what else runs


def takes_part(load: Load, who: str) -> bool:
    """Whether that server is measured under that load."""
    if who == "ours-2":
        return load.name == "compute"
    if who == "no-journal":
        return load.name == "at-once"
    rival = next((rival for rival in RIVALS if rival.name == who), None)
    if load.function:
        return rival is None
    if load.name == "bodies":
        return rival is None or rival.name == BEST
    return rival is None or load.outstanding <= rival.most


def measurements(arguments: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """(load, server) for each of one round."""
    for load in LOADS:
        if load.name in arguments.load:
            yield from ((load.name, who) for who in arguments.who if takes_part(load, who))
    if OURS in arguments.who:
        yield from ((name, OURS) for name in arguments.load if name in ONLY_OURS)


def measure(bench: Bench, results: Results, name: str, who: str, seconds: float) -> None:
    """Add the figures of one server under one load, and print them."""
    if name == "linearity":
        for number in OUTSTANDING:
            figures = bench.closed_loop(who, "/wait/1000", number, max(3.0, seconds))
            figures |= bench.waiting(who, number)
            show(f"waiting-{number}", who, figures)
            results.add(f"waiting-{number}", who, figures)
        return
    if name == "one":
        figures = bench.idle_latency(who, 300)
    elif name == "idle":
        figures = bench.idle(who, 3 * seconds)
    else:
        load = next(load for load in LOADS if load.name == name)
        operation = call(load.function) if load.function else None
        figures = bench.closed_loop(who, load.path, load.outstanding, seconds, operation)
        if "kilobytes" in load.measures:
            figures |= bench.waiting(who, load.outstanding)
    show(name, who, figures)
    results.add(name, who, figures)


def show(load: str, who: str, figures: dict[str, float]) -> None:
    said = "  ".join(
        f"{name} {value:,.3g}" if value < 100 else f"{name} {value:,.0f}" for name, value in figures.items()
    )
    print(f"{load:<14} {who:<14} {said}", flush=True)


def quick(bench: Bench) -> int:
    """Exit status 1 where the server is much slower than it should be, beside asyncio in the same run.

    What is too slow is measured again: a machine stands still now and then, a slip slows down each time.
    """
    names = list(QUICK)
    for _ in range(ATTEMPTS):
        results = Results()
        for _ in range(2):
            for name in names:
                for who in (OURS, BEST):
                    try:
                        measure(bench, results, name, who, 1.5)
                    except DidNotStart as error:
                        print(f"not measured: {bench.names[who]}: {error}", file=sys.stderr)
                        return 1
        if any(results.values[name, OURS, "failed"] != [0, 0] for name in names):
            print("operations failed", file=sys.stderr)
            return 1
        names = [name for name in names if not fast_enough(results, name)]
        if not names:
            return 0
    return 1


def fast_enough(results: Results, name: str) -> bool:
    """Whether the server is, under that load; both figures are printed."""
    rate = results.ratio(name, OURS, BEST) or 0.0
    costs = results.ratio(name, OURS, BEST, "processor") or math.inf
    print(f"{name}: {rate:.2f} of asyncio batched (at least {QUICK[name]})")
    print(f"{name}: {costs:.1f} times its processor time (at most {COSTS})")
    return rate >= QUICK[name] and costs <= COSTS


def check(bench: Bench, who: Sequence[str]) -> int:
    """Exit status 1 where one of them does not answer."""
    wrong = {name: bench.check(name) for name in who}
    for name, what in wrong.items():
        print(f"{bench.names[name]:<32} {what or 'answers'}")
    return int(any(wrong.values()))


def machine() -> str:
    """What it ran on, for the page."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    load, processors = os.getloadavg()[2], os.cpu_count() or 1
    busy = ". It was busy with other things, so look at the ratios alone" if load > processors else ""
    return (
        f"{processors} processors ({model}), Linux {platform.release().partition('-')[0]}, Python"
        f" {platform.python_version()}; load average of the quarter of an hour before: {load:.1f}{busy}"
    )


def versions(pythons: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """What the rivals are made of, for the page: those of one environment together.

    And by name what is wrong with each that cannot be measured, for its Python says nothing of that.
    """
    program = "import sys; from importlib.metadata import version as v\n"
    program += "print(', '.join(f'{name} {v(name)}' for name in sys.argv[1:]))"
    found: dict[str, str] = {}
    unusable: dict[str, str] = {}
    for rival in RIVALS:
        python = pythons.get(rival.name)
        if not python:
            unusable[rival.name] = f"it needs --python {rival.name}=PATH"
        elif python not in found:
            named = (word for word in rival.requirements if word != "-r" and "/" not in word)
            words = [word.partition("[")[0] for word in named]
            words += ["channels", "Twisted"] if "-r" in rival.requirements else []
            command = [python, "-c", program, *words]
            try:
                said = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
                found[python] = f"{rival.title} ({said.strip()})"
            except OSError as error:
                unusable[rival.name] = f"its Python cannot be started: {error}"
            except subprocess.CalledProcessError as error:
                wrote = (error.stderr.strip() or "nothing").splitlines()[-1]
                unusable[rival.name] = f"{python} ended with {error.returncode} and wrote: {wrote}"
    return "; ".join(found.values()), unusable


def is_whole(arguments: argparse.Namespace) -> bool:
    """Whether nothing that the page has was left out."""
    return arguments.load == ALL_LOADS and arguments.who == EVERYBODY


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PATH", help="of a rival")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--load", nargs="+", choices=ALL_LOADS, default=ALL_LOADS)
    parser.add_argument("--who", nargs="+", choices=EVERYBODY, default=EVERYBODY)
    parser.add_argument("--results", type=Path, help="write the figures as JSON, or with --write read them")
    parser.add_argument("--write", action="store_true", help="write the page, also of a part or of --results")
    arguments = parser.parse_args(argv)
    for flag in ("rounds", "seconds"):
        if not getattr(arguments, flag) > 0:
            parser.error(f"--{flag} is {getattr(arguments, flag)}: it must be more than 0")
    return arguments


@end_on_signals()
def main(argv: Sequence[str] | None = None) -> int:
    arguments = parse(argv)
    allow_many_files()
    pythons = dict(pair.split("=", 1) for pair in arguments.python)
    said, unusable = versions(pythons)
    # uvloop, where the upstream can have it
    with upstream(sys.executable if BEST in unusable else pythons[BEST]) as url:
        bench = Bench(url, pythons, unusable)
        if arguments.check:
            return check(bench, arguments.who)
        if arguments.quick:
            return quick(bench)
        results = Results(machine(), versions=said, seconds=arguments.seconds)
        if arguments.write and arguments.results and arguments.results.exists():
            results = Results.read(arguments.results)
            print(f"nothing is measured: {arguments.results} has the figures; without it they are made anew")
        else:
            for number in range(arguments.rounds):
                print(f"round {number + 1} of {arguments.rounds}", flush=True)
                results.rounds = number + 1
                for name, who in measurements(arguments):
                    try:
                        measure(bench, results, name, who, arguments.seconds)
                    except (DidNotStart, subprocess.CalledProcessError) as error:
                        # The others are measured all the same.
                        print(f"{name:<14} {who:<14} {error}", flush=True)
                        results.missing.setdefault((name, who), str(error).partition("\n")[0])
                    if arguments.results:  # each time: what was measured before Ctrl-C is not lost
                        results.write(arguments.results)
    print(page.summary(results))
    for line in page.missing(results, bench.names):
        print(f"not measured: {line}", file=sys.stderr)
    if arguments.write or is_whole(arguments):
        page.write(results, bench.names, OUTSTANDING)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
