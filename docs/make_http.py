"""Writes the table in docs/http.rst from the cases of tests/http/cases: python docs/make_http.py"""

from __future__ import annotations

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "http.rst"
MARK = ".. What follows is written by docs/make_http.py from tests/http/cases.\n"

sys.path.insert(0, str(ROOT))

from tests.http.cases import CASES  # noqa: E402


def render() -> str:
    """The page with its table as the cases are."""
    page = PAGE.read_text()
    rows = []
    for case in CASES:
        rows.append(f"* - {case.name}\n  - {case.about}\n".replace("*", "\\*").replace("\\*", "*", 1))
    table = ".. list-table::\n   :header-rows: 1\n\n   * - Case\n     - What is done\n"
    lines = "".join(rows).splitlines()
    return page.partition(MARK)[0] + MARK + "\n" + table + "".join(f"   {line}\n" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(render())
