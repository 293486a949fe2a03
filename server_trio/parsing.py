"""What the parsers of the server and of its commands have in common: flags made from options."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

from .options import Option

SETTINGS_HELP = "the Django settings module, for example myproject.server_settings"


class Parser(argparse.ArgumentParser):
    """One whose errors are two lines: all flags are in --help."""

    def error(self, message: str) -> NoReturn:
        """End the process with 2."""
        words = [_positional(action) for action in self._actions if not action.option_strings]
        usage = " ".join([self.prog, "[flags]", *words])
        self.exit(2, f"usage: {usage} (see --help)\n{self.prog}: error: {message}\n")


def _positional(action: argparse.Action) -> str:
    choices = "|".join(map(str, action.choices or ()))
    word = str(action.metavar or choices or action.dest)
    return f"[{word}]" if action.nargs == "?" else word


def make_parser(name: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """A parser for the words after `python3 -m server_trio name`; without a name that of the server."""
    parser = Parser(
        prog=f"python3 -m server_trio {name}".rstrip(),
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # a new flag could change what an abbreviation means
    )
    parser.add_argument("settings", help=SETTINGS_HELP)
    return parser


def add_flags(group: argparse._ActionsContainer, entries: Iterable[Option]) -> None:
    """A flag for each option that can be given as a text."""
    for entry in entries:
        if not entry.in_texts:
            continue
        words = f"{entry.help} (default: {entry.shown_default}, env: {entry.variable})"
        group.add_argument(
            entry.flag,
            dest=entry.variable,
            action="append" if entry.type is tuple else "store",
            metavar=_metavar(entry),
            help=words.replace("%", "%%"),
        )


def _metavar(entry: Option) -> str:
    if entry.type is bool:
        return "[YES|NO]"
    if entry.choices:
        return "|".join(entry.choices)
    word = entry.unit.upper() or ("NUMBER" if entry.type is int else "NAME")
    return f"[{word}]" if entry.alone else word


def spelled_out(words: Sequence[str], entries: Iterable[Option]) -> list[str]:
    """The words of a command line with the value spelled out of each flag that may stand alone.

    argparse would take whatever follows as its value, the settings module too.
    """
    flags = {entry.flag: entry for entry in entries if entry.alone}
    spelled: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [*spelled, word, *rest]
        if word in flags:
            entry = flags[word]
            word += "=" + (rest.pop(0) if rest and entry.reads(rest[0]) else entry.alone)
        spelled.append(word)
    return spelled


def given(arguments: argparse.Namespace, entries: Iterable[Option]) -> dict[tuple[str, ...], str]:
    """The texts that were given, by option path; those of a flag that may be repeated are put together."""
    texts: dict[tuple[str, ...], str] = {}
    for entry in entries:
        value = getattr(arguments, entry.variable, None)
        if value is not None:
            texts[entry.path] = value if isinstance(value, str) else ",".join(value)
    return texts


def value_of(entry: Option, arguments: argparse.Namespace, environment: Mapping[str, str]) -> object:
    """Of a command's flag: the command line's, the environment's, or the default. Raises SettingsError."""
    text = getattr(arguments, entry.variable, None)
    if text is not None:
        return entry.check(text, "the command line's " + entry.flag)
    if entry.variable in environment:
        return entry.check(environment[entry.variable], "the environment's " + entry.variable)
    return entry.default
