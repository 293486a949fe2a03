"""The pages of the documentation, as docutils reads them: their code blocks, commands and links.

How a page is written so that its examples are run stands in tests/acceptance/examples.py.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from docutils import nodes
from docutils.core import publish_doctree
from docutils.parsers.rst import Directive, directives

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.rst"
PAGES = sorted((ROOT / "docs").glob("*.rst"))

FILE_NAME = re.compile(r"(?:# |<!-- )([\w/]+\.\w+)(?: -->)?\n")
#: The comment of a page whose examples are not put into README's project.
ALONE = "The files of this page are a project of their own."

#: Starts of the commands that install something or start what runs for as long as the test does.
SERVED = (
    "pip install", "daphne ", "python manage.py runworker", "python3 -m server_trio",
    "python3 -m channels_compat", "python3 noxfile.py",
)  # fmt: skip


class Toctree(Directive):
    """Sphinx's directive, which docutils does not know: a comment with what is listed."""

    has_content = True
    option_spec = {"hidden": directives.flag, "caption": directives.unchanged}  # noqa: RUF012 - docutils' own

    def run(self) -> list[nodes.Node]:
        return [nodes.comment("", "\n".join(self.content), classes=["toctree"])]


directives.register_directive("toctree", Toctree)


#: Commands that begin like the server's start, and end.
ENDS = re.compile(r"python3 -m server_trio (check|status|dead) ")


@dataclass(frozen=True)
class Command:
    """A line after `$ `, and what the page says that it prints."""

    line: str
    output: str

    @property
    def runs_before(self) -> bool:
        """Whether it prepares the project, such as a database."""
        return self.line.startswith("python manage.py ") and not self.is_served

    @property
    def is_served(self) -> bool:
        return self.line.startswith(SERVED) and not ENDS.match(self.line)

    def prints(self, text: str) -> bool:
        """Whether `text` is what the page says."""
        return bool(re.fullmatch(_as_pattern(self.output), text.rstrip()))


def _as_pattern(output: str) -> str:
    """A regular expression for a page's literal output with its `...`."""
    return re.escape(output.rstrip()).replace(r"\.\.\.", r"[\s\S]*?")


class Page:
    """An .rst file and the code blocks in it."""

    def __init__(self, path: Path) -> None:
        """Raises docutils' SystemMessage for text that it would warn of."""
        self.path = path
        strict = {"report_level": 1, "halt_level": 2, "syntax_highlight": "none", "file_insertion_enabled": 0}
        self.tree = publish_doctree(path.read_text(), str(path), settings_overrides=strict)

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def stands_alone(self) -> bool:
        """Whether its files are a project of their own, and not what it adds to README's."""
        return any(node.astext() == ALONE for node in self.tree.findall(nodes.comment))

    def blocks(self, *kinds: str) -> list[str]:
        """The contents of the code blocks of these kinds (all without any)."""
        found = [block for block in self.tree.findall(nodes.literal_block) if "code" in block["classes"]]
        wanted = [block for block in found if not kinds or set(kinds) & set(block["classes"])]
        return [f"{block.astext()}\n" for block in wanted]

    def literals(self) -> list[str]:
        """The literal blocks that are no code blocks: what is not run."""
        found = self.tree.findall(nodes.literal_block)
        return [block.astext() for block in found if "code" not in block["classes"]]

    def nameless(self) -> list[str]:
        """Code blocks in Python that do not say which file they are."""
        return [block for block in self.blocks("python") if not FILE_NAME.match(block)]

    def files(self) -> dict[str, str]:
        """Paths in the project, and the text that this page has for each."""
        files: dict[str, str] = {}
        for block in self.blocks():
            if name := FILE_NAME.match(block):
                files[name[1]] = files.get(name[1], "") + "\n\n" + block
        return files

    def commands(self) -> list[Command]:
        """Everything it tells to type."""
        found = []
        for block in self.blocks("console"):
            for part in re.split(r"^\$ ", block.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
                line, _, output = part.partition("\n")
                found.append(Command(line, output))
        return found

    def asked(self) -> list[Command]:
        """Those of them that ask a running project, or run a program of the page."""
        return [command for command in self.commands() if not command.is_served and not command.runs_before]

    def listed(self) -> set[str]:
        """The pages in its tables of contents, by their names."""
        tables = [node for node in self.tree.findall(nodes.comment) if "toctree" in node["classes"]]
        return {name for table in tables for name in table.astext().split()}

    def sections(self) -> set[str]:
        """What a link can name of it after a `#`."""
        return {id for section in self.tree.findall(nodes.section) for id in section["ids"]}

    def targets(self) -> list[SplitResult]:
        """Where its links within the repository lead, seen from its own folder."""
        urls = [urlsplit(node.get("refuri", "")) for node in self.tree.findall(nodes.reference)]
        return [url for url in urls if not url.scheme and url.path]

    def links(self) -> set[str]:
        """The files of the repository that it links to, by their paths from the root."""
        return {os.path.relpath((self.path.parent / url.path).resolve(), ROOT) for url in self.targets()}
