"""A signal to an example ends all that it has started, whenever it comes, and lets it drain first."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from tests.harness.processes import SOURCES, living, started
from tests.house.test_benchmark_ending import MOMENTS, SIGNALLING

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: Needs some time from SIGTERM to its end; has a child of its own, which SIGTERM does not reach.
DRAINING = """
import pathlib, signal, subprocess, sys
subprocess.Popen(["sleep", "600"])
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
print("ready", flush=True)
signal.sigwait({signal.SIGTERM})
pathlib.Path(sys.argv[1]).touch()
"""
#: What an example starts, and each context manager of the harness that it starts something with.
STARTS = {"redis": "redis_server()", "upstream": "upstream_server(quiet=True)", "processes": "two()"}
PROGRAM = f"""{SIGNALLING}
import contextlib, signal, sys
from examples.running import end, run
from tests.harness.processes import Process
from tests.harness.redis_server import redis_server
from tests.harness.upstream import upstream_server

def telling(method):
    def send_signal(self, number):
        print("told", self.pid, int(number), flush=True)
        method(self, number)
    return send_signal

@contextlib.contextmanager
def two():
    processes = []
    try:
        for name in ("one", "two"):
            processes.append(Process([sys.executable, "-c", {{draining!r}}, {{folder!r}} + "/" + name]))
        for process in processes:
            process.wait_for_line("ready")
        yield
    finally:
        end(processes)

def act():
    with {{start}}:
        tell()
        print("begun", flush=True)
    return 0

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whatever the tests were started under
subprocess.Popen.send_signal = telling(subprocess.Popen.send_signal)
signal_itself(goes_on=True)
sys.exit(run("it", act))
"""


def run_program(folder: Path, **more: object) -> tuple[int, str, set[int]]:
    """The exit status of it, what it wrote, and those of its children that it has left behind."""
    words = {"draining": DRAINING, "folder": str(folder), **more}
    with started([sys.executable, "-c", PROGRAM.format(**words)], name="example", env=SOURCES) as example:
        status = example.wait(60)
        lines = [line for line in example.output().splitlines() if line.startswith("children")]
        children = {int(pid) for line in lines for pid in line.split()[1:]}
        left = children & {pid for pid, _, _ in living()}
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert children
        return status, example.output(), left


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("start", STARTS)
def test_a_signal_leaves_no_child_at_whatever_moment_it_comes(tmp_path, moment, start, number):
    words = {"moment": moment, "methods": MOMENTS[moment], "start": STARTS[start], "number": int(number)}
    status, output, left = run_program(tmp_path, **words)
    assert not left, output
    assert "Traceback" not in output
    assert status == 0
    assert output.endswith("\nended")
    assert ("begun" in output) == (moment != "started")
    if start == "processes" and moment != "started":
        assert {file.name for file in tmp_path.iterdir()} == {"one", "two"}  # both have drained
        # Once: a server ends at once on its second SIGTERM (tests/acceptance/server/test_signals.py).
        assert re.findall(r"^told \d+ (\d+)$", output, re.MULTILINE) == ["15", "15"]


def test_a_terminal_that_is_closed_does_not_end_what_nohup_has_started():
    program = """
import os, signal, sys
from examples.running import run
signal.signal(signal.SIGHUP, signal.SIG_IGN)

def act():
    os.kill(os.getpid(), signal.SIGHUP)
    print("goes on", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    return 1

sys.exit(run("it", act))
"""
    with started([sys.executable, "-c", program], name="example", env=SOURCES) as example:
        assert example.wait() == 0
        assert example.output() == "goes on\nended"
