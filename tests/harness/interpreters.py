"""Where this machine's Pythons are: on PATH, or installed by pyenv without being on it. Python >= 3.8."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Iterator, Optional  # a bare Python 3.8 reads this file

# Printed by the interpreter itself: a pyenv shim exists for versions that it then refuses to run.
QUESTION = "import sys; print('%d.%d' % sys.version_info[:2]); print(sys.executable)"


@lru_cache(maxsize=None)
def find(version: str) -> Optional[str]:
    """The path of a working interpreter of `version` ('2.7', '3.12'), or None."""
    if version == "{}.{}".format(*sys.version_info[:2]):
        return getattr(sys, "_base_executable", None) or sys.executable  # not that of nox's own environment
    for candidate in _candidates(version):
        real = _ask(candidate, version)
        if real is not None:
            return real
    return None


def _candidates(version: str) -> Iterator[str]:
    """Interpreters that may be of that version: first those on PATH, then pyenv's, the newest first."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        found = shutil.which("python" + version, path=folder)
        if found:
            yield found
    versions = _pyenv_root() / "versions"
    if versions.is_dir():
        matching = [entry for entry in versions.iterdir() if entry.name.split(".")[:2] == version.split(".")]
        for entry in sorted(matching, key=_by_number, reverse=True):
            yield str(entry / "bin" / "python")


def _pyenv_root() -> Path:
    if "PYENV_ROOT" in os.environ:
        return Path(os.environ["PYENV_ROOT"])
    if shutil.which("pyenv"):
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=False).stdout.strip()
        if root:
            return Path(root)
    return Path.home() / ".pyenv"


def _by_number(entry: Path) -> list[int]:
    return [int(part) if part.isdigit() else -1 for part in entry.name.split(".")]


def _ask(candidate: str, version: str) -> Optional[str]:
    """The interpreter's own path if it runs and is of that version."""
    try:
        answer = subprocess.run([candidate, "-c", QUESTION], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    said, _, path = answer.stdout.strip().partition("\n")
    return path if answer.returncode == 0 and said == version else None
