"""The Python that a site runs on: 2.7 as it is, or 3.10-3.13 through channels_compat."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .processes import ROOT, SOURCES


class WebPython:
    """How programs of a site are started with the Python at `path`."""

    def __init__(self, path: str) -> None:
        self.path = path
        question = "import sys; print(sys.version_info[0])"
        said = subprocess.run([path, "-c", question], capture_output=True, text=True, check=True).stdout
        self.is_python2 = said.strip() == "2"

    @property
    def environment(self) -> dict[str, str]:
        """In which it finds the tree's packages: on 2.7 the client alone."""
        if not self.is_python2:
            return SOURCES
        # Python 2 would write its bytecode beside the sources.
        return {"PYTHONPATH": str(ROOT / "client"), "PYTHONDONTWRITEBYTECODE": "1"}

    def command(self, program: str) -> list[str]:
        """The words that start `daphne`, or `manage.py` in the current directory."""
        if not self.is_python2:
            return [self.path, "-m", "channels_compat", program]
        if program == "manage.py":
            return [self.path, program]
        return [str(Path(self.path).with_name(program))]
