"""Process control in tests: waits that end, output that is kept, nothing left running."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from tests.harness.processes import started

PARENT_OF_A_SLEEPER = """
import signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print("child", child.pid)
signal.pause()
"""


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def test_lines_are_waited_for_and_all_output_is_kept():
    with started(python("print('one'); print('two 2'); print('two 3')")) as process:
        assert process.wait_for_line(r"two \d", count=2) == "two 3"
        assert process.wait() == 0
        assert process.output() == "one\ntwo 2\ntwo 3"


def test_a_line_that_never_comes_fails_as_soon_as_the_process_has_ended():
    program = "print('other'); raise SystemExit(3)"
    message = r"short ended with 3 without a line like 'ready':\nother"
    with started(python(program), name="short") as process, pytest.raises(AssertionError, match=message):
        process.wait_for_line("ready", timeout=60)


def test_a_line_that_never_comes_fails_in_time():
    program = "import signal; signal.pause()"
    with started(python(program)) as process, pytest.raises(AssertionError, match="still runs after"):
        process.wait_for_line("ready", timeout=0.1)


def test_leaving_ends_the_process_and_its_children():
    with started(python(PARENT_OF_A_SLEEPER)) as process:
        child = int(process.wait_for_line("child").split()[1])
        assert process.relatives() == [child]
    assert process.returncode == -signal.SIGTERM
    assert process.relatives() == []


def test_a_signal_reaches_the_process_and_its_status_is_told():
    program = "import signal; signal.signal(signal.SIGUSR1, lambda *_: exit(7)); print('set'); signal.pause()"
    with started(python(program)) as process:
        process.wait_for_line("set")
        process.signal(signal.SIGUSR1)
        assert process.wait() == 7


def test_a_process_that_ignores_sigterm_is_killed(monkeypatch):
    monkeypatch.setattr("tests.harness.processes.END_TIMEOUT", 0.2)
    program = "from signal import *; signal(SIGTERM, SIG_IGN); print('set'); pause()"
    with started(python(program)) as process:
        process.wait_for_line("set")
    assert process.returncode == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
