"""The parser of the server's command line. Importing it imports neither Trio nor the server."""

from __future__ import annotations

import argparse

from channels_async import __version__

from . import parsing
from .exit_codes import shown_codes
from .settings import DJANGO_SETTING, options
from .signal_words import shown_signals
from .tools.table import shown_tools

EPILOG = """\
{tools}
{signals}
{codes}
examples:
  python3 -m server_trio myproject.server_settings
  CHANNELS_ASYNC_DEADLINES_REQUEST=5 python3 -m server_trio -v myproject.server_settings
  python3 -m server_trio dead myproject.server_settings   # operations that were given up
  python3 -m server_trio -- dead                          # settings that are called like a command
"""


def make_parser() -> argparse.ArgumentParser:
    """The parser; its options come from the fields of Settings."""
    about = "Runs the operations that Django views hand over with channels_async."
    epilog = EPILOG.format(tools=shown_tools(), signals=shown_signals(), codes=shown_codes())
    parser = parsing.make_parser("", about, epilog)
    parser.add_argument("-v", action="count", dest="v", help="as --verbose; -vv: as --verbose 2")
    parser.add_argument("--version", action="version", version=f"channels_async {__version__}")
    group = parser.add_argument_group("settings", f"each also in the Django setting {DJANGO_SETTING}")
    parsing.add_flags(group, options())
    return parser
