"""The source tree as the house's tests read it: which files there are, and what they import."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "channels_async": ROOT / "client" / "channels_async",
    "channels_compat": ROOT / "compat" / "channels_compat",
    "server_trio": ROOT / "server_trio",
}
NOT_OURS = {"build", "dist", "__pycache__"}  # besides whatever begins with a dot


def files(*suffixes: str, under: Path = ROOT) -> Iterator[Path]:
    """All files of the tree that end so; what tools have left in it is passed over."""
    for folder, folders, names in os.walk(under):
        folders[:] = [
            name
            for name in sorted(folders)
            if name not in NOT_OURS
            and (not name.startswith(".") or name == ".ci")
            and not name.endswith("info")
        ]
        for name in sorted(names):
            if name.endswith(suffixes):
                yield Path(folder, name)


def modules(package: str) -> dict[str, Path]:
    """The modules of one of our packages: dotted name to file."""
    home = PACKAGES[package]
    found = {}
    for file in files(".py", under=home):
        parts = [package, *file.relative_to(home).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports(module: str, file: Path) -> set[str]:
    """Dotted names that a module imports, wherever in it, except those for type checkers only.

    `from a import b` counts as `a.b`: whether b is a module is for the reader to find out.
    """
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    names: set[str] = set()
    for node in _walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            names.update(f"{source}.{alias.name}" for alias in node.names)
    return names


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Like ast.walk, but not into `if TYPE_CHECKING:`."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)):
            yield from _walk(child)
