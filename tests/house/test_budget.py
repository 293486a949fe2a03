"""The house stays readable: short files, short functions, nothing of the machine it was written on."""

from __future__ import annotations

import ast
import re

import pytest

from tests.house.tree import PACKAGES, ROOT, files

FILE_LINES = 400
FUNCTION_LINES = 60
SOURCE = [*PACKAGES.values(), *(ROOT / name for name in ("examples", "benchmarks", "docs", "tests/harness"))]
TEXT = (
    ".py",
    ".pyi",
    ".rst",
    ".md",
    ".txt",
    ".cfg",
    ".toml",
    ".in",
    ".json",
    ".example",
    "run",
    ".lua",
    ".yml",
)
MACHINE = re.compile(r"(?<![\w.:>}])/(?:work|root|farm|home/\w+)/|[.]pyenv/versions")


@pytest.mark.parametrize("folder", SOURCE, ids=lambda folder: folder.name)
def test_files_and_functions_are_short(folder):
    long = []
    for file in files(".py", under=folder):
        text = file.read_text(encoding="utf-8")
        if len(text.splitlines()) > FILE_LINES:
            long.append(f"{file}: {len(text.splitlines())} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    long.append(f"{file}:{node.lineno} {node.name}: {lines} lines")
    assert long == []


def test_no_file_names_a_path_of_somebodys_machine():
    named = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in files(*TEXT)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if MACHINE.search(line)
    ]
    assert named == []


@pytest.mark.parametrize(
    "path", ["/{}/anna/project".format("home"), " /{}/x".format("root"), ".pyenv/{}".format("versions")]
)
def test_such_a_path_would_be_seen(path):
    assert MACHINE.search(path)


@pytest.mark.parametrize("text", ["https://example.org/work/2", "docs/root/x", "{}/work/1"])
def test_the_paths_of_urls_are_not_taken_for_one(text):
    assert not MACHINE.search(text)
