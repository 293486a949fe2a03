"""Writes docs/flags.rst from the parsers of the server and its commands: python docs/make_flags.py"""

from __future__ import annotations

import argparse
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / name) for name in ("", "client", "compat"))]

from tables import as_rst, table  # noqa: E402

from server_trio.command_line import make_parser  # noqa: E402
from server_trio.exit_codes import ExitCode  # noqa: E402
from server_trio.signal_words import MEANINGS, names  # noqa: E402
from server_trio.tools.table import TOOLS  # noqa: E402

PAGE = HERE / "flags.rst"

HEAD = """\
Words, flags, signals and exit codes
====================================

.. This file is written by docs/make_flags.py from the parsers, the signals and the exit codes of server_trio.

All of it is also in ``--help`` of each. A flag wins over its environment variable, that over the Django
setting. What the commands show, and when to use which: `command line <cli.rst>`__.

"""

SETTINGS = """\
And a flag for each setting, with its environment variable, default and range: `settings <settings.rst>`__.

"""

#: Flags in a group; one that has more is that of the settings, which have a page.
OWN = 20

SIGNALS = """\
Signals
-------

To a server, or to the parent of ``--processes``. How they are used: `restarts <restarts.rst>`__.

"""

CODES = """\
Exit codes
----------

Of the server; what 0 and 1 mean for a command stands with it.

"""

#: What `--help` adds to the help of a flag, and has a column here.
ADDED = re.compile(r" \(default: (?P<default>.*), env: (?P<variable>\w+)\)$")


def render() -> str:
    """The text of docs/flags.rst."""
    server = make_parser()
    server.epilog = _without((server.epilog or ""), "signals:", "exit codes:")  # they have tables below
    parts = [HEAD, _section("The server", server)]
    parts += [_section(name, tool.make_parser()) for name, tool in TOOLS.items()]
    signals = [(f"``{names(numbers)}``", as_rst(meaning)) for numbers, meaning in MEANINGS.items()]
    parts.append(SIGNALS + table(["Signal", "What is done"], signals, "15 85"))
    codes = [(str(int(code)), as_rst(code.meaning)) for code in ExitCode]
    parts.append(CODES + table(["Code", "Meaning"], codes, "10 90"))
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _without(text: str, *starts: str) -> str:
    """A text but for the paragraphs that begin so."""
    return "\n\n".join(part for part in text.split("\n\n") if not part.lstrip("\n").startswith(starts))


def _section(title: str, parser: argparse.ArgumentParser) -> str:
    """What a parser knows: how it is called, its words, its flags, and what stands below them."""
    text = f"{title}\n{'-' * len(title)}\n\n{as_rst(parser.description or '')}\n\n"
    text += f"::\n\n    {parser.prog} {_words(parser)}\n\n"
    for group in parser._action_groups:
        if len(group._group_actions) > OWN:
            text += SETTINGS
            continue
        rows = [_row(action) for action in group._group_actions if action.help is not argparse.SUPPRESS]
        if rows:
            text += _group(group, rows) + "\n"
    return text + _epilog(parser.epilog or "")


def _words(parser: argparse.ArgumentParser) -> str:
    """What is written after the command; argparse's own usage differs from version to version."""
    words = ["[flags]"]
    for action in parser._actions:
        if not action.option_strings:
            name = str(action.metavar or action.dest)
            words.append(f"[{name}]" if action.nargs in ("?", "*") else name)
    return " ".join(words)


def _group(group: argparse._ArgumentGroup, rows: list[tuple[str, str, str, str]]) -> str:
    with_variables = any(variable for _, _, variable, _ in rows)
    head = ["", "What it is", "Environment", "Default"]
    if not with_variables:
        return table(head[:2], [row[:2] for row in rows], "30 70")
    return table(head, rows, "25 40 20 15")


def _row(action: argparse.Action) -> tuple[str, str, str, str]:
    """The names, help, environment variable and default of a flag or word, as reStructuredText."""
    help = (action.help or "").replace("%%", "%").replace("%(prog)s", "")
    found = ADDED.search(help)
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    if action.nargs == 0 or not action.option_strings:
        metavar = ""
    names = ", ".join(f"``{f'{name} {metavar}'.strip()}``" for name in action.option_strings)
    choices = f" ({', '.join(map(str, action.choices))})" if action.choices else ""
    return (
        names or f"``{action.metavar or action.dest}``",
        as_rst((ADDED.sub("", help) + ("" if action.option_strings else choices)).strip()),
        f"``{found['variable']}``" if found else "",
        as_rst(found["default"]) if found else "",
    )


def _epilog(epilog: str) -> str:
    """Signals, exit codes and examples, as they are printed."""
    lines = epilog.strip("\n").splitlines()
    return "::\n\n" + "".join(f"    {line}".rstrip() + "\n" for line in lines) if lines else ""


if __name__ == "__main__":
    PAGE.write_text(render())
