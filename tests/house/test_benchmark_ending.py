"""A signal to a benchmark ends all that it has started, at whatever moment it comes, and says no more."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from tests.harness.processes import descendants, living, started
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
#: Has a program signal itself at one of MOMENTS; `goes_on`: what was to be done then is done all the same.
SIGNALLING = """
import os, subprocess
from tests.harness.processes import descendants

def tell():
    print("children", *descendants(os.getpid()), flush=True)

def signalling(method, goes_on):
    def wrapped(*words, **more):
        if {moment!r} == "started":
            method(*words, **more)
            tell()
        os.kill(os.getpid(), {number})  # Python handles it before this returns
        os.kill(os.getpid(), {number})
        if goes_on and {moment!r} != "started":
            return method(*words, **more)
    return wrapped

def signal_itself(goes_on=False):
    for name in {methods}:
        setattr(subprocess.Popen, name, signalling(getattr(subprocess.Popen, name), goes_on))
"""
PROGRAM = f"""{SIGNALLING}
import signal, sys
from load import end_on_signals, process, redis_server, upstream
from tests.harness.processes import started

signal_itself()
with end_on_signals(), {{start}} as what:
    what.{{use}}
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


#: Where else it comes; what it raises is put into something else there, or is caught.
PLACES = {
    "a task": "run_in_trio(in_a_task)",
    "trio's own loop": "run_in_trio(in_its_loop)",
    "a plain trio.run": "trio.run(in_a_task)",
    "a finally": "fails_without_children()",
    "a destructor": "Destroyed()",
}
ELSEWHERE = """
import os, signal, trio
from load import end_on_signals, run_in_trio

def signalled():
    os.kill(os.getpid(), signal.SIGTERM)

async def in_a_task():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        signalled()

async def in_its_loop():
    trio.lowlevel.current_trio_token().run_sync_soon(signalled)
    await trio.sleep_forever()

def fails_without_children():
    try:
        signalled()
    finally:
        raise ConnectionError

class Destroyed:
    def __del__(self):
        signalled()

@end_on_signals()
def main():
    {place}

main()
print("was not ended")
"""


@pytest.mark.parametrize("place", PLACES)
def test_its_exit_status_is_that_of_the_signal_wherever_it_comes(place: str) -> None:
    path = f"{ROOT / 'benchmarks'}:{ROOT}"
    program = [sys.executable, "-c", ELSEWHERE.format(place=PLACES[place])]
    with started(program, name="benchmark", env={"PYTHONPATH": path}) as benchmark:
        assert benchmark.wait() == 128 + signal.SIGTERM
        assert "was not ended" not in benchmark.output()
        assert ("Traceback" in benchmark.output()) == (place == "a destructor")  # Python writes that one


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["layers_throughput.py", "--pairs", "500"], "^send"),
        (["layers_throughput.py", "--pairs", "500", "--bridge", "threaded"], "^send"),
        (["redis_costs.py", "--requests", "50"], "one of 10 servers"),
    ],
)
def test_what_runs_in_trio_ends_without_a_traceback(words: list[str], line: str) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / words[0]), *words[1:]]
    with started(command, name="benchmark") as benchmark:
        benchmark.wait_for_line(line)
        children = descendants(benchmark.pid)
        benchmark.signal(signal.SIGTERM)
        assert benchmark.wait() == 128 + signal.SIGTERM
        assert "Traceback" not in benchmark.output()
        assert children
        assert not children & {pid for pid, _, _ in living()}


def test_each_benchmark_that_starts_something_has_its_main_ended_by_signals() -> None:
    starting = re.compile(r"^from load import .*\b(process|redis_server)\b", re.MULTILINE)
    files = {file.name: file.read_text() for file in (ROOT / "benchmarks").glob("*.py")}
    found = [name for name, text in files.items() if starting.search(text)]
    assert "costs.py" in found
    assert [name for name in found if "\n@end_on_signals()\ndef main(" not in files[name]] == ["measure.py"]
