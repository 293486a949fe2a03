"""distutils, removed in Python 3.12. Where setuptools is installed, its own copy is found before this."""

from __future__ import annotations

from ..shim import Shim
from ..stand_ins import path

shim = Shim(
    name="distutils",
    cause="Python 3.12 removed distutils; channels and Django compare versions with it.",
    source="channels 1.1.5 package_checks.py:2; Django 2.2.28 django/utils/version.py:6",
    module="distutils",
    stand_in=path("distutils/__init__.py"),
)
