"""Writes all pages that are made from the code: python docs/write_pages.py"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent

if __name__ == "__main__":
    folders = [str(HERE.parent / name) for name in ("", "client", "compat")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    for generator in sorted(HERE.glob("make_*.py")):
        subprocess.run([sys.executable, str(generator)], env=environment, check=True)  # noqa: S603
