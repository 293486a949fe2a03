"""The TAB key after `python3 -m server_trio`, in a real bash on a real terminal."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from .terminal import Terminal, terminal
from .test_cli import surroundings

needs_bash = pytest.mark.skipif(not shutil.which("bash") and not os.environ.get("CI"), reason="no bash here")


def bash(directory: pathlib.Path) -> Terminal:
    """A shell in a project, told to complete as docs/cli.rst says."""
    programs = pathlib.Path(sys.executable).parent
    (directory / "myproject").mkdir()
    for name in ("__init__", "server_settings", "views"):
        (directory / "myproject" / f"{name}.py").write_text("raise SystemExit('is not imported')")
    environment = {
        **surroundings(),
        "PATH": os.pathsep.join([str(programs), os.environ["PATH"]]),
        "TERM": "dumb", "PS1": "prompt> ", "HISTFILE": "/dev/null",
    }  # fmt: skip
    return terminal(["bash", "--norc", "--noprofile", "-i"], directory, environment)


@needs_bash
def test_bash_completes_commands_flags_values_and_settings_modules(tmp_path: pathlib.Path) -> None:
    with bash(tmp_path) as shell:
        shell.wait_for("prompt> ")
        shell.type('bind "set enable-bracketed-paste off" "set bell-style none"\n')
        shell.type('eval "$(activate-global-python-argcomplete --dest=-)"; echo r"eady"\n')
        shell.wait_for("ready")
        for typed, completed in (
            ("ch", "check "),
            ("check --fail-l", "check --fail-level "),
            ("check --format j", "check --format json "),
            ("--deadlines-r", "--deadlines-request "),
            ("--django-setup y", "--django-setup yes "),
            ("myproject.s", "myproject.server_settings "),
            ("status myproject.", "status myproject.server_settings "),
            ("dead myproject.server_settings sh", "dead myproject.server_settings show "),
        ):
            shell.type(f"python3 -m server_trio {typed}\t")
            shell.wait_for(f"server_trio {completed}")
            shell.type("\x15")  # the line away again


def test_without_a_shell_that_asks_nothing_is_completed(tmp_path: pathlib.Path) -> None:
    program = "from server_trio.completion import settings_modules; import pathlib;"
    program += "print(*settings_modules(pathlib.Path('.')))"
    for name in ("settings.py", "site/my_settings.py", "site/deep/settings.py", "no-name/settings.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=surroundings(),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.stdout.split() == ["settings", "site.my_settings", "site.deep.settings"]
