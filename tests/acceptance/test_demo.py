"""The demo: checks itself, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from examples.demo.rows import ROWS
from tests.acceptance.browser import ask
from tests.acceptance.raw import until
from tests.harness.processes import Process, descendants, living
from tests.house.tree import ROOT
from tests.server.terminal import terminal

RUN = str(ROOT / "examples" / "demo" / "run.py")


def start_demo(web_python: str, *words: str) -> Process:
    return Process([sys.executable, RUN, "--web-python", web_python, *words], name="demo")


def test_check_prints_a_line_for_each_page_and_the_table_and_exits_0(web_python):
    demo = start_demo(web_python, "--check", "--delay", "3")
    assert demo.wait(300) == 0, demo.output()
    rows = {line.split("  ")[0]: line for line in demo.output().splitlines()}
    assert {row.path for row in ROWS} <= {line.partition(" ")[0] for line in rows}
    assert rows["offloaded"].endswith("0 of 1")
    assert rows["in the view"].endswith("1 of 1")
    assert demo.output().endswith("all is well")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["sigint", "sigterm"])
def test_a_signal_ends_it_and_every_process_that_it_started(web_python, number):
    demo = start_demo(web_python)
    try:
        url = demo.wait_for_line("http://").split()[0]
        assert ask(url + "offloaded/").body == b"after 1.0 s\n"
        started = descendants(demo.pid)
        assert len(started) >= 5  # Redis, upstream, daphne, worker, server
        demo.signal(number)
        assert demo.wait(60) == 0, demo.output()
        assert not started & {pid for pid, _, _ in living()}
    finally:
        demo.end()


@pytest.mark.parametrize("how", ["ctrl-c", "twice", "closed"])
def test_a_terminal_ends_it_with_every_process_that_it_started(web_python, how, tmp_path):
    with terminal([sys.executable, RUN, "--web-python", web_python], tmp_path, os.environ) as window:
        window.wait_for("(Ctrl-C ends it)")
        begun = descendants(window.pid)
        assert len(begun) >= 5
        if how == "closed":
            window.hang_up()
        else:
            window.type("\x03")
            if how == "twice":
                until("one of them has ended", lambda: not begun <= {pid for pid, _, _ in living()})
                window.type("\x03")
            assert window.wait() == 0
        assert not begun & {pid for pid, _, _ in living()}


def test_a_site_that_does_not_start_is_an_exit_code_and_a_reason(tmp_path):
    broken = tmp_path / "python"
    broken.write_text('#!/bin/sh\nif [ "$1" = -c ]; then echo 3; else echo no Django here; exit 1; fi\n')
    broken.chmod(0o755)
    demo = start_demo(str(broken), "--check")
    assert demo.wait(60) == 1
    assert "no Django here" in demo.output()
