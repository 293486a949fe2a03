"""COMMANDS of the settings, made ready to run: checked when the server starts, never read again.

What an entry may hold and how its command line is filled is command_rules.py of the contract, which
the inline form goes by too. What only the machine can tell is checked here: whether the program is
there, and the directory that it runs in.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels_async import command_rules

from .errors import SettingsError


@dataclass(frozen=True, slots=True)
class Command:
    """A command that can be run. `program` is the file, found in the PATH that the process gets."""

    rules: command_rules.Command
    program: str
    environment: Mapping[str, str]

    @property
    def limited(self) -> bool:
        """Whether its process must be limited before the program begins."""
        return bool(self.rules.nice or self.rules.cpu_seconds or self.rules.memory)


def load_commands(value: Any, inherited: Mapping[str, str], *, longest_end: float) -> dict[str, Command]:
    """The commands by name. Raises SettingsError that names the place.

    `inherited` is the server's own environment. `longest_end` is how many seconds may pass at the most
    between the deadline of a command and its answer, which waits for the end of its processes.
    """
    try:
        commands = command_rules.read_commands(value)
    except command_rules.CommandFault as error:
        raise SettingsError(str(error)) from None
    return {name: _load(rules, inherited, longest_end) for name, rules in commands.items()}


def _load(rules: command_rules.Command, inherited: Mapping[str, str], longest_end: float) -> Command:
    place = f"COMMANDS[{rules.name!r}]"
    if rules.cwd is not None and not os.path.isdir(rules.cwd):
        raise SettingsError(f"{place}['cwd'] is {rules.cwd!r}, which is no directory")
    if rules.kill_after > longest_end:
        raise SettingsError(
            f"{place}['kill_after'] is {rules.kill_after:g} seconds, but between DEADLINES['COMMAND'] and"
            f" daphne's timeout there are only {max(longest_end, 0):g}; lower either of the two, or start"
            " daphne with a higher --http-timeout and set DAPHNE_HTTP_TIMEOUT to the same"
        )
    environment = command_rules.environment(rules, inherited)
    word = str(rules.argv[0][0][0])
    directory = os.path.abspath(rules.cwd or ".")
    program = _find(word, directory, environment.get("PATH", os.defpath))
    if program is None:
        where = f"seen from {directory!r}" if os.sep in word else "in the PATH of the command"
        raise SettingsError(f"{place}['argv'][0] is {word!r}, which is not a program {where}")
    return Command(rules=rules, program=program, environment=environment)


def _find(word: str, directory: str, path: str) -> str | None:
    """The absolute path of a program that a process in `directory` means by `word`."""
    if os.sep in word:
        return shutil.which(os.path.join(directory, word))
    folders = os.pathsep.join(os.path.join(directory, folder) for folder in path.split(os.pathsep) if folder)
    return shutil.which(word, path=folders)
