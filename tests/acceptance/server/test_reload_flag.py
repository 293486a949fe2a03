"""--reload: the server starts anew when the project's code changes."""

from __future__ import annotations

import os
import signal

import pytest

from tests.acceptance.raw import until

FUNCTION = """
from myproject_functions import GREETING
CHANNELS_ASYNC_SERVER = {'DEADLINES': {'REQUEST': GREETING}}
"""
READY = "INFO server_trio.cli: ready"


def write(server, name, text):
    """Until it has been noticed: the watcher says when it begins, and begins a moment later."""
    before = server.process.output().count(f"changed: {name}")

    def noticed():
        (server.directory / name).write_text(text)
        return server.process.output().count(f"changed: {name}") > before

    until("the change is noticed", noticed)


@pytest.fixture
def reloading(start_server, tmp_path):
    (tmp_path / "myproject_functions.py").write_text("GREETING = 30")
    server = start_server(FUNCTION, wait=False, words=["--reload", "yes"])
    server.process.wait_for_line(READY)
    return server


def test_a_change_of_a_module_takes_effect(reloading, upstream):
    reloading.ask(upstream.url + "/hang")
    until("it is asked", lambda: upstream.statistics()["at_once"])
    write(reloading, "myproject_functions.py", "GREETING = 0.3")
    assert reloading.answer()["status"] == 503  # it had a moment to finish
    reloading.ask(upstream.url + "/hang")
    assert reloading.answer()["status"] == 504
    reloading.process.signal(signal.SIGINT)
    assert reloading.process.wait() == 0
    assert reloading.process.relatives() == []


def test_an_error_in_the_new_settings_is_shown_and_the_next_change_mends_it(reloading, upstream):
    write(reloading, "myproject_functions.py", "GREETING = ")
    assert "line 1: invalid syntax" in reloading.process.wait_for_line("^server_trio: ")
    reloading.process.wait_for_line("waiting for a change")
    assert reloading.process.returncode is None
    write(reloading, "myproject_functions.py", "GREETING = 0.3")
    reloading.ask(upstream.url + "/hang")
    assert reloading.answer()["status"] == 504
    os.killpg(reloading.process.pid, signal.SIGINT)  # Ctrl-C
    assert reloading.process.wait() == 0


def test_ctrl_c_ends_it_while_it_waits_for_a_change(reloading):
    write(reloading, "myproject_functions.py", "1 / 0")
    reloading.process.wait_for_line("waiting for a change")
    os.killpg(reloading.process.pid, signal.SIGINT)
    assert reloading.process.wait() == 0
    assert reloading.process.relatives() == []


def test_without_watchfiles_it_says_what_to_install(start_server):
    text = "import sys\nsys.modules['watchfiles'] = None"  # as if it were not there
    server = start_server(text, wait=False, words=["--reload", "yes"])
    assert server.process.wait() == 2
    assert "pip install 'channels-async[dev]'" in server.process.wait_for_line("^server_trio: ")
