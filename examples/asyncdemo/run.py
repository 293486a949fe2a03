"""Starts a stage of the demo, all of it, and ends it again; or measures all of them one after the other.

    python3 noxfile.py -s asyncdemo -- step1              makes the environments first; usually what you want
    python3 noxfile.py -s asyncdemo -- step2 --scale 0.2
    python3 noxfile.py -s asyncdemo -- hammer

Needs in its own environment the server and what tests/requirements.txt names; the site may run on
another Python, `--web-python`: 2.7 as it is, or 3.10-3.13 through channels_compat.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from examples.asyncdemo.deaths import deaths
from examples.asyncdemo.hammer import Load, hammer
from examples.asyncdemo.stages import STAGES, Stage, started
from examples.running import run, wait
from tests.harness.processes import Process

HERE = Path(__file__).resolve().parent


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0, also after Ctrl-C; 1 where something did not start."""
    stages = {stage.name: stage for stage in STAGES}
    shown = "\n".join(f"  {stage.name:<11}  {stage.shows}" for stage in STAGES)
    parser = argparse.ArgumentParser(
        description="The stages of the PyCon Canada 2016 demo on Channels, and the one it lacked.",
        epilog=f"{shown}\n  {'hammer':<11}  the same load on each of them; writes a table and a picture",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stage", choices=[*stages, "hammer"])
    parser.add_argument("--port", type=int, default=0, help="of the site (default: a free one)")
    parser.add_argument(
        "--scale", type=float, help="what the seconds are multiplied by (default: 1; hammer: 0.1)"
    )
    parser.add_argument("--web-python", default=sys.executable, help="the site's Python (default: this one)")
    parser.add_argument("--seconds", type=float, default=8.0, help="hammer: how long a stage gets orders")
    parser.add_argument("--connections", type=int, default=64, help="hammer: how many order at once")
    parser.add_argument("--patience", type=float, default=8.0, help="hammer: seconds an answer may take")
    parser.add_argument("--to", type=Path, default=HERE, help="hammer: the folder for what it writes")
    arguments = parser.parse_args(argv)

    if arguments.stage == "hammer":
        scale = 0.1 if arguments.scale is None else arguments.scale
        load = Load(arguments.connections, arguments.seconds, scale, arguments.patience)
        return run("a stage", lambda: hammer(arguments.web_python, load, arguments.to))
    scale = 1.0 if arguments.scale is None else arguments.scale
    stage = stages[arguments.stage]
    return run(stage.name, lambda: show(stage, arguments.web_python, arguments.port, scale))


def show(stage: Stage, web_python: str, port: int, scale: float) -> int:
    """A stage until Ctrl-C, whatever becomes of its workers, which is what it shows."""
    with started(stage, web_python, port=port, scale=scale) as running:
        print(f"{stage.name}: {stage.shows}")
        for name, command in stage.programs.items():
            print(f"  {name:<12} {command.format(port=running.url.rpartition(':')[2])}")
        try:
            return wait(running, on_end=tell_of)
        finally:
            for process in running.processes:
                if process.returncode is None:
                    print("".join(f"{line}\n" for line in deaths(process)), end="")


def tell_of(process: Process) -> bool:
    print("; ".join(deaths(process)), flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
