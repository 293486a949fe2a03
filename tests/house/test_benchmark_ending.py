"""A signal to a benchmark ends all that it has started, at whatever moment it comes."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.harness.processes import living, started
from tests.house.tree import ROOT

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="looks into /proc, as the benchmarks do"
)

#: Where the signal comes: before Popen has returned, as the child is to be ended, after that.
MOMENTS = {
    "started": ["_execute_child"],
    "ended": ["send_signal", "terminate", "kill"],
    "waited-for": ["wait"],
}
#: Has a child of its own.
SLEEPER = """
import signal, subprocess
subprocess.Popen(["sleep", "600"])
print("both", flush=True)
signal.pause()
"""
#: What a benchmark starts, each with its context manager and what is done with it.
STARTS = {
    "redis": ("redis_server()", "url"),
    "upstream": ("upstream()", "upper()"),
    "process": ("process('-c', 'import signal; signal.pause()')", "pid"),
    "harness": (f"started([sys.executable, '-c', {SLEEPER!r}])", "wait_for_line('both')"),
}
PROGRAM = """
import os, signal, subprocess, sys
from load import end_on_signals, process, redis_server, upstream
from tests.harness.processes import descendants, started

def tell():
    print("children", *descendants(os.getpid()), flush=True)

def signalling(method):
    def wrapped(*words, **more):
        if {moment!r} == "started":
            method(*words, **more)
            tell()
        os.kill(os.getpid(), {number})  # Python handles it before this returns
        os.kill(os.getpid(), {number})
    return wrapped

for name in {methods}:
    setattr(subprocess.Popen, name, signalling(getattr(subprocess.Popen, name)))
end_on_signals()
with {start} as what:
    what.{use}
    tell()
print("was not ended")
"""


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("start", STARTS)
def test_a_signal_leaves_no_child_at_whatever_moment_it_comes(moment: str, start: str) -> None:
    number = int(signal.SIGTERM)
    manager, use = STARTS[start]
    program = PROGRAM.format(moment=moment, methods=MOMENTS[moment], start=manager, use=use, number=number)
    path = f"{ROOT / 'benchmarks'}:{ROOT}"
    with started([sys.executable, "-c", program], name="benchmark", env={"PYTHONPATH": path}) as benchmark:
        children = {int(pid) for pid in benchmark.wait_for_line("^children").split()[1:]}
        assert benchmark.wait() == 128 + number, benchmark.output()
        left = children & {pid for pid, _, _ in living()}
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert children
        assert not left, benchmark.output()
        assert "Traceback" not in benchmark.output()
        assert "was not ended" not in benchmark.output()
