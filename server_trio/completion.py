"""What the TAB key completes after `python3 -m server_trio`, by argcomplete. The project is not imported."""

from __future__ import annotations

import argparse
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import argcomplete
from argcomplete.lexers import split_line

from .command_line import make_parser
from .flags import FLAGS
from .settings import options
from .tools.table import TOOLS

#: argcomplete's: the number of words before those of the command, `python3 -m` here, and one.
START: Final = "_ARGCOMPLETE"

#: Directories that are looked into for settings modules: the project's own, and those in it.
DEPTH: Final = 3


def complete() -> None:
    """Answer the shell, and end this process."""
    start = int(os.environ[START])
    line = os.environ["COMP_LINE"][: int(os.environ["COMP_POINT"])]
    words = split_line(line)[3][start:]
    if words and words[0] in TOOLS:
        os.environ[START] = str(start + 1)  # the command's name is the program's
        parser, names = TOOLS[words[0]].make_parser(), []
    else:
        parser, names = make_parser(), list(TOOLS) if not words else []
    _know_values(parser, names)
    argcomplete.autocomplete(parser, append_space=True)


def _know_values(parser: argparse.ArgumentParser, names: Iterable[str]) -> None:
    """Tell what fits where one of some words is wanted. `names`: of commands, in place of settings."""
    entries = {entry.variable: entry for entry in (*options(), *FLAGS)}
    for action in parser._actions:
        given: Any = action
        entry = entries.get(action.dest)
        if action.dest == "settings":
            given.completer = lambda prefix, **_: [*names, *settings_modules(pathlib.Path.cwd())]
        elif entry is not None:
            given.completer = _Values(("yes", "no") if entry.type is bool else entry.choices)


@dataclass(frozen=True)
class _Values:
    """A completer of argcomplete's."""

    values: Sequence[str]

    def __call__(self, prefix: str, **context: object) -> Sequence[str]:
        return self.values


def settings_modules(directory: pathlib.Path) -> Iterator[str]:
    """Dotted names of modules that are called something with settings."""
    for depth in range(DEPTH):
        for file in sorted(directory.glob("*/" * depth + "*settings*.py")):
            parts = file.relative_to(directory).with_suffix("").parts
            if all(part.isidentifier() for part in parts):
                yield ".".join(parts)
