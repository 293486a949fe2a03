"""The flags of the commands beside the server (tools/), each with its environment variable as a setting has.

They are no settings of the server: it leaves their variables alone, so that they may stand in an
environment that both are started in.
"""

from __future__ import annotations

from typing import Final

from .options import Option


def _flag(name: str, default: object, help: str, **more: object) -> Option:
    words = {"unit": "", "minimum": None, "maximum": None, "choices": (), **more}
    return Option(path=(name,), type=type(default), default=default, help=help, **words)  # type: ignore[arg-type]


FORMAT: Final = _flag("FORMAT", "text", "how the result is printed: text or json", choices=("text", "json"))
FAIL_LEVEL: Final = _flag(
    "FAIL_LEVEL",
    "error",
    "findings from this level on make the exit code 1: error, warning or info",
    choices=("error", "warning", "info"),
)
SITE: Final = _flag("SITE", "", "settings module of the site, to compare its channel layer with the server's")
INTERVAL: Final = _flag(
    "INTERVAL",
    1.0,
    "time between two readings, of which rates are made; 0 means one reading, and rates since the start",
    unit="seconds",
    minimum=0.0,
    maximum=3600.0,
)

#: All there are.
FLAGS: Final = (FORMAT, FAIL_LEVEL, SITE, INTERVAL)
