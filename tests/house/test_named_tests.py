"""Every test that a page of the documentation names exists, and every statement on safety names one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from docutils import nodes

from tests.harness.pages import PAGES, ROOT, Page

NAMED = re.compile(r"(tests/[\w/]+\.py)::(\w+)")


def named(text: str) -> set[tuple[str, str]]:
    """The tests that a text names: file and function."""
    return set(NAMED.findall(text))


def functions(path: Path) -> set[str]:
    """The test functions of a file, those in classes too."""
    if not path.exists():
        return set()
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def missing(tests: set[tuple[str, str]]) -> list[str]:
    return sorted(f"{file}::{name}" for file, name in tests if name not in functions(ROOT / file))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_test_that_a_page_names_exists(path: Path) -> None:
    assert missing(named(path.read_text())) == []


def test_a_test_that_does_not_exist_is_found() -> None:
    here = "tests/house/test_named_tests.py"
    tests = named(f"``{here}::{missing.__name__}`` {here}::test_gone tests/gone.py::test_x")
    assert missing(tests) == ["tests/gone.py::test_x", f"{here}::test_gone"]


def test_every_statement_on_security_names_its_test() -> None:
    page = Page(ROOT / "docs" / "security.rst")
    without = [item.astext() for item in page.tree.findall(nodes.list_item) if not named(item.astext())]
    assert without == []


def test_every_guarantee_names_its_test() -> None:
    page = Page(ROOT / "docs" / "guarantees.rst")
    rows = [row for body in page.tree.findall(nodes.tbody) for row in body.findall(nodes.row)]
    assert len(rows) > 20
    assert [row.astext() for row in rows if not named(row.children[-1].astext())] == []
