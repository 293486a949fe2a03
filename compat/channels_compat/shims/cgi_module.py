"""cgi, removed in Python 3.13. The package legacy-cgi, where installed, is found before this."""

from __future__ import annotations

from ..shim import Shim
from ..stand_ins import path

shim = Shim(
    name="cgi",
    cause="Python 3.13 removed cgi; channels and Django parse Content-Type headers with it.",
    source="channels 1.1.5 handler.py:3; Django 1.11.29 django/http/multipartparser.py:11",
    module="cgi",
    stand_in=path("cgi.py"),
)
