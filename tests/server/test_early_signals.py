"""SIGHUP and SIGUSR1 to a process that is still importing, or that is no server."""

from __future__ import annotations

import pathlib
import signal

import pytest

from tests.server.test_cli import start, surroundings

#: Sends itself both signals when Trio is looked for, before anything of weight is imported.
EARLY = """
import os, signal, sys
class Sender:
    def find_spec(self, name, path=None, target=None):
        if name == "trio":
            for number in (signal.SIGHUP, signal.SIGUSR1):
                os.kill(os.getpid(), number)
            print("sent", flush=True)
sys.meta_path.insert(0, Sender())
"""


def test_they_do_nothing_to_a_server_from_the_first_import_on(tmp_path: pathlib.Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(EARLY)
    python_path = f"{tmp_path}:{surroundings()['PYTHONPATH']}"
    ended = start(tmp_path, "no.such.settings", PYTHONPATH=python_path)
    assert "sent" in ended.stdout
    assert ended.returncode == 2  # there are no such settings: it has come that far


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_they_end_a_command(tmp_path: pathlib.Path, number: signal.Signals) -> None:
    (tmp_path / "itself.py").write_text(f"import os\nos.kill(os.getpid(), {int(number)})\n")
    assert start(tmp_path, "check", "itself").returncode == -number
