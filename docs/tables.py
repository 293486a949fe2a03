"""What the generators of this folder have in common: texts of the code as reStructuredText."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

#: Words of a docstring that are shown as literals: 'quoted', `in backticks`, limits.NAMES and their like.
LITERAL = re.compile(r"`([^`]+)`|('[\w.]*')")


def as_rst(text: str) -> str:
    """A text in which quoted words and those in backticks are literal, and nothing else is markup."""
    parts = []
    last = 0
    for found in LITERAL.finditer(text):
        parts += [_escaped(text[last : found.start()]), f"``{found[1] or found[2]}``"]
        last = found.end()
    return "".join([*parts, _escaped(text[last:])])


def _escaped(text: str) -> str:
    return re.sub(r"([*|\\]|_\b)", r"\\\1", text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], widths: str = "auto") -> str:
    """A list-table of cells that are reStructuredText."""
    lines = [".. list-table::", "    :header-rows: 1", f"    :widths: {widths}", ""]
    for row in (head, *rows):
        for number, cell in enumerate(row):
            lines.append(f"    {'* -' if number == 0 else '  -'} {cell}".rstrip())
    return "\n".join(lines) + "\n"


def definitions(docstring: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The lists of a docstring: what stands before each, and its (term, text) pairs.

    A list is indented, two spaces or more are between a term and its text, and lines that go on are
    indented further.
    """
    heading = ""
    for paragraph in inspect.cleandoc(docstring).split("\n\n"):
        if not paragraph.startswith("    "):
            heading = " ".join(paragraph.split())
            continue
        yield heading, terms(textwrap.dedent(paragraph))


def terms(paragraph: str) -> list[tuple[str, str]]:
    """The (term, text) pairs of a list whose terms begin their lines."""
    found: list[tuple[str, str]] = []
    for line in paragraph.splitlines():
        if line.startswith(" ") and found:
            term, text = found.pop()
            found.append((term, f"{text} {line.strip()}"))
        else:
            term, _, text = line.partition("  ")
            found.append((term, text.strip()))
    return found
