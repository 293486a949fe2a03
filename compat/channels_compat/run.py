"""Runs a program with the shims installed, as if Python had been asked to run it itself."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import runpy
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any

from . import install
from .hooks import installed_finder


class NoProgram(Exception):
    """There is no script, command or module of that name."""


def run(arguments: Sequence[str]) -> None:
    """Run `manage.py …`, `daphne …` (a command or module by name) or `-m module …`.

    Returns when the program has ended without saying how; what it raises, SystemExit above all,
    passes unchanged. Raises NoProgram before anything was run.
    """
    install()
    name = arguments[0]
    finder = installed_finder()
    if finder is not None:
        # `python -W … -m channels_compat`, and what a reloader adds to it from sys.argv.
        finder.prefix = [sys.executable, *sys.orig_argv[1 : len(sys.orig_argv) - len(arguments)]]
    if name == "-m":
        if len(arguments) < 2:
            raise NoProgram("-m needs the name of a module.")
        run_module(arguments[1], arguments[2:])
    elif os.sep in name or name.endswith(".py"):
        run_script(name, arguments[1:])
    elif (command := find_command(name)) is not None:
        run_command(command, name, arguments[1:])
    elif module_exists(name):
        run_module(name, arguments[1:])
    elif os.path.exists(name):
        run_script(name, arguments[1:])
    else:
        raise NoProgram(
            f"there is no command or module '{name}' in this environment ({sys.prefix}), "
            f"and no file of that name here."
        )


def run_script(path: str, arguments: Sequence[str]) -> None:
    """As `python path …`: the script's directory comes first on sys.path, in place of the current one."""
    if not os.path.exists(path):
        raise NoProgram(f"there is no file '{path}'.")
    sys.argv[:] = [path, *arguments]
    if not os.path.isdir(path):
        replace_first_path(os.path.dirname(os.path.abspath(path)))
    runpy.run_path(path, run_name="__main__")


def run_module(name: str, arguments: Sequence[str]) -> None:
    """As `python -m name …`."""
    if not module_exists(name):
        raise NoProgram(f"there is no module '{name}' in this environment ({sys.prefix}).")
    sys.argv[:] = [name, *arguments]
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def run_command(command: Callable[[], Any], name: str, arguments: Sequence[str]) -> None:
    """As the script that pip wrote for an entry point: its result is the exit code."""
    script = shutil.which(name, path=os.path.dirname(sys.executable)) or name
    sys.argv[:] = [script, *arguments]
    replace_first_path(os.path.dirname(sys.executable))
    sys.exit(command())


def find_command(name: str) -> Callable[[], Any] | None:
    """The function behind a console script of this environment, or None."""
    for entry in importlib.metadata.entry_points(group="console_scripts", name=name):
        command: Callable[[], Any] = entry.load()
        return command
    return None


def module_exists(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # a parent package
        return False


def replace_first_path(directory: str) -> None:
    """Put it where `python -m` has put the current directory; nowhere under -P, -I or PYTHONSAFEPATH."""
    if getattr(sys.flags, "safe_path", False) or sys.flags.isolated:
        return
    sys.path[0] = directory
