"""Which commands there are. A module is imported when its command is asked for: the server needs none."""

from __future__ import annotations

import argparse
import difflib
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..errors import SettingsError


@dataclass(frozen=True)
class Tool:
    """One command: python3 -m server_trio NAME …"""

    name: str
    help: str

    def make_parser(self) -> argparse.ArgumentParser:
        """The parser of the words after the name."""
        parser: argparse.ArgumentParser = self._module().make_parser()
        return parser

    def main(self, words: Sequence[str]) -> int:
        """Do what the words say; the exit code.

        Raises SettingsError, LayerUnavailable, DeadLetterError: what cli.main says in one line.
        """
        code: int = self._module().main(words)
        return code

    def _module(self) -> Any:
        return importlib.import_module(f".{self.name}", __package__)


TOOLS: Final = {
    tool.name: tool
    for tool in (
        Tool("check", "what is wrong, or a trap, in settings and channel layer"),
        Tool("status", "all servers of the site: in flight, queue, rates, latencies, failures"),
        Tool("top", "the same, live"),
        Tool("dead", "operations that were given up: list, show, replay, drop"),
    )
}  # fmt: skip


def check_command(words: Sequence[str]) -> None:
    """Of a command line without a command; raises SettingsError where it was meant to have one.

    The server takes one word that is no flag, its settings; so two in a row are a command's.
    """
    if len(words) < 2 or words[0] in TOOLS or "." in words[0] or any(it.startswith("-") for it in words[:2]):
        return
    near = difflib.get_close_matches(words[0], TOOLS, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(TOOLS)}"
    raise SettingsError(f"there is no command {words[0]!r}; {hint}")


def shown_tools() -> str:
    """The paragraph of the server's --help."""
    width = max(len(name) for name in TOOLS)
    lines = "".join(f"  {tool.name:{width}}  {tool.help}\n" for tool in TOOLS.values())
    return (
        "commands, instead of the settings:\n"
        f"{lines}"
        "  Each has its own --help. For a settings module of such a name write: -- NAME\n"
    )
