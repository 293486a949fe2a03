"""Virtual environments for the sessions of noxfile.py: made once, shared, remade when their contents change.

An environment is named after what it is for and stands in .nox/. A stamp in it states its interpreter
and its requirements, so that a second run installs nothing. uv makes those of Python 3.8 and newer where
it is there, else venv and pip do; virtualenv 20.21.1, the last that knows Python 2.7, makes the others.
"""

from __future__ import annotations

import configparser
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable, Optional, Sequence  # a bare Python 3.8 reads this file

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".nox"
VIRTUALENV = "virtualenv==20.21.1"

Run = Callable[..., object]  # runs a command, given as words; raises where it fails


class Environments:
    """Makes environments. `run` runs a command (nox's `session.run`)."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._uv = _find_uv()

    def get(
        self, name: str, interpreter: str, requirements: Sequence[str], sources: Sequence[str] = ()
    ) -> str:
        """The path of the Python of environment `name`, with `requirements` installed.

        `requirements` are words for pip's install command (`-r` and a file's path from the root, too).
        Folders of the tree named in `sources` are put on its sys.path: tests see the tree as it stands.
        """
        folder = FOLDER / name
        python = folder / "bin" / "python"
        stamp = _stamp(interpreter, requirements, sources)
        stamp_file = folder / "stamp.txt"
        if python.exists() and stamp_file.exists() and stamp_file.read_text() == stamp:
            return str(python)
        shutil.rmtree(folder, ignore_errors=True)
        self._create(folder, interpreter)
        if requirements:
            self._install(str(python), requirements)
        for site in folder.glob("lib/python*/site-packages"):
            paths = "".join(f"{ROOT / source}\n" for source in sources)
            (site / "channels_async_sources.pth").write_text(paths)
        stamp_file.write_text(stamp)
        return str(python)

    def compile(self, python: str, *folders: str) -> None:
        """Leave bytecode of these folders of the tree behind for the Python at that path (3.8 or newer).

        Where PYTHONDONTWRITEBYTECODE is set, as in containers, each of the hundreds of processes that tests
        start would else compile all that it imports. What is compiled already costs nothing.
        """
        self._run(python, "-m", "compileall", "-q", *(str(ROOT / folder) for folder in folders))

    def fresh(self, name: str, interpreter: str) -> str:
        """The path of the Python of an environment made anew, with nothing but pip in it."""
        shutil.rmtree(FOLDER / name, ignore_errors=True)
        self._create(FOLDER / name, interpreter, with_pip=True)
        return str(FOLDER / name / "bin" / "python")

    def _create(self, folder: Path, interpreter: str, *, with_pip: bool = False) -> None:
        if _version(interpreter) < (3, 8):
            self._run(self._old_virtualenv(), "-q", "-p", interpreter, str(folder))
        elif self._uv and not with_pip:
            self._run(self._uv, "venv", "-q", "--python", interpreter, str(folder))
        else:
            self._run(interpreter, "-m", "venv", str(folder))

    def _install(self, python: str, requirements: Sequence[str]) -> None:
        if self._uv and _version(python) >= (3, 8):
            # pip leaves bytecode behind, uv has to be told to.
            words = ("-q", "--compile-bytecode", "--python", python)
            self._run(self._uv, "pip", "install", *words, *requirements)
        else:
            quiet = ("-q", "--disable-pip-version-check")
            self._run(python, "-m", "pip", "install", *quiet, *requirements)

    def _old_virtualenv(self) -> str:
        """The program of a virtualenv that still makes environments for Python 2.7."""
        python = self.get("virtualenv-old", sys.executable, [VIRTUALENV])
        return str(Path(python).with_name("virtualenv"))


def server_requirements() -> list[str]:
    """What the extra [server] asks for, from setup.cfg."""
    configuration = configparser.ConfigParser()
    configuration.read(ROOT / "setup.cfg")
    words = configuration["options"]["install_requires"], configuration["options.extras_require"]["server"]
    return [line for text in words for line in text.split("\n") if line]


def _find_uv() -> Optional[str]:
    """uv beside the running Python (the bootstrap puts it there) or on PATH."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    works = found and subprocess.run([found, "--version"], capture_output=True).returncode == 0
    return found if works else None


def _version(python: str) -> tuple[int, ...]:
    question = "import sys; print('%d %d' % sys.version_info[:2])"
    answer = subprocess.run([python, "-c", question], capture_output=True, text=True, check=True)
    return tuple(int(number) for number in answer.stdout.split())


def _stamp(interpreter: str, requirements: Sequence[str], sources: Sequence[str]) -> str:
    """States everything that the environment depends on, requirement files by their contents."""
    lines = [interpreter, *requirements, "sources:", *sources]
    for file in sorted(set(_files(requirements))):
        lines.append(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}")
    return "\n".join(lines) + "\n"


def _files(requirements: Sequence[str]) -> list[Path]:
    """The requirement files named by `-r`, and those that they name in turn."""
    files = [ROOT / word for flag, word in zip(requirements, requirements[1:]) if flag == "-r"]
    for file in list(files):
        named = [line.split()[1] for line in file.read_text().splitlines() if line.startswith("-r ")]
        files += _files([word for name in named for word in ("-r", str(file.parent / name))])
    return files
