"""Starts the demo, all of it, and ends it again.

    python3 noxfile.py -s demo              makes the environments first; usually what you want
    python3 noxfile.py -s demo -- --check

Needs in its own environment the server and what tests/requirements.txt names; the site may run on
another Python, `--web-python`: 2.7 as it is, or 3.10-3.13 through channels_compat.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from examples.demo.asking import CheckFailed
from examples.demo.check import check
from examples.demo.stack import Demo, demo
from examples.running import run, wait
from tests.harness.processes import Process


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A Django 1.11 site that offloads to Trio servers.")
    parser.add_argument("--check", action="store_true", help="ask it, print a table, exit 0 if all is well")
    parser.add_argument("--port", type=int, default=0, help="of the site (default: a free one)")
    parser.add_argument("--delay", type=float, default=1.0, help="seconds the upstream takes (default: 1)")
    parser.add_argument("--servers", type=positive, default=2, help="Trio servers (default: 2)")
    parser.add_argument("--web-python", default=sys.executable, help="the site's Python (default: this one)")
    arguments = parser.parse_args(argv)

    def act() -> int:
        sizes = {"port": arguments.port, "delay": arguments.delay, "servers": arguments.servers}
        with demo(arguments.web_python, **sizes) as running:
            return run_check(running) if arguments.check else wait(running, on_end=tell_of)

    return run("the demo", act)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def run_check(running: Demo) -> int:
    try:
        check(running)
    except (CheckFailed, OSError) as error:
        print(f"{running.log()}\n\nthe check failed: {error}", file=sys.stderr)
        return 1
    print("all is well")
    return 0


def tell_of(process: Process) -> bool:
    """None of the demo's processes should end by itself."""
    print(f"{process.name} has ended:\n{process.output()}", file=sys.stderr)
    return False


if __name__ == "__main__":
    sys.exit(main())
