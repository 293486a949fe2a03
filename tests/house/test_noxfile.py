"""noxfile.py finds the Pythons that there are, and says which are missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness import environments, interpreters
from tests.house.tree import ROOT

RUNNING = "{}.{}".format(*sys.version_info[:2])
OTHER = "3.12" if RUNNING != "3.12" else "3.11"


def fake_python(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def empty_machine(tmp_path, monkeypatch):
    """A PATH and a pyenv without any Python; a folder for each."""
    interpreters.find.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    yield tmp_path
    interpreters.find.cache_clear()


def test_the_running_python_is_found_wherever_it_is(empty_machine):
    found = interpreters.find(RUNNING)
    assert found
    assert Path(found).samefile(sys.executable)


def test_a_python_that_is_nowhere_is_none(empty_machine):
    assert interpreters.find("2.7") is None


def test_a_python_on_path_is_found(empty_machine):
    fake_python(empty_machine / "bin" / "python2.7", "echo 2.7; echo /its/own/path")
    assert interpreters.find("2.7") == "/its/own/path"


def test_a_shim_that_does_not_run_is_passed_over_for_pyenvs_newest(empty_machine):
    fake_python(
        empty_machine / "bin" / "python3.8", "echo 'pyenv: python3.8: command not found' >&2; exit 127"
    )
    for patch in ("3.8.2", "3.8.18", "3.80.1"):
        fake_python(
            empty_machine / "pyenv" / "versions" / patch / "bin" / "python", f"echo 3.8; echo /{patch}"
        )
    assert interpreters.find("3.8") == "/3.8.18"


def test_a_python_of_another_version_than_its_name_is_none(empty_machine):
    fake_python(empty_machine / "bin" / "python2.7", "echo 3.11; echo /elsewhere")
    assert interpreters.find("2.7") is None


@pytest.mark.parametrize(("ci", "fails"), [({}, False), ({"CI": "true"}, True)], ids=["at a desk", "in CI"])
def test_a_session_without_its_python_is_skipped_with_a_line_and_fails_in_ci(empty_machine, ci, fails):
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "noxfile.py"), "-s", f"unit({OTHER})"],
        cwd=ROOT,
        env={**environment, **ci, "HOME": str(empty_machine)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert f"Python {OTHER} is not installed here" in done.stdout
    assert (done.returncode != 0) is fails


def test_what_pipx_and_uv_read_stands_in_it():
    text = (ROOT / "noxfile.py").read_text()
    block = re.search(r"^# /// script\n((?:#.*\n)+?)# ///$", text, re.MULTILINE)
    assert block
    assert 'dependencies = ["nox' in block[1]


def test_ci_runs_the_readmes_command():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "CI=true exec python3 noxfile.py" in script.read_text()
    assert "    $ python3 noxfile.py\n" in (ROOT / "README.rst").read_text()


def test_what_uv_installs_has_bytecode_as_what_pip_installs_has(empty_machine, monkeypatch):
    fake_python(empty_machine / "bin" / "uv", "exit 0")
    monkeypatch.setattr(environments, "FOLDER", empty_machine / ".nox")
    commands = []

    def run(*words):
        commands.append(words)
        if "venv" in words:
            fake_python(Path(words[-1]) / "bin" / "python", "echo 3 13")

    environments.Environments(run).get("it", sys.executable, ["trio"])
    assert commands[-1][1:3] == ("pip", "install")
    assert "--compile-bytecode" in commands[-1]


def test_the_tree_is_compiled_where_nobody_else_would_do_it(tmp_path, monkeypatch):
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "module.py").write_text("print('imported')\n")

    def run(*words):
        subprocess.run(words, check=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})

    environments.Environments(run).compile(sys.executable, "package")
    assert list((tmp_path / "package" / "__pycache__").glob("module.*.pyc"))
