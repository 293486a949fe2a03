"""The parser of the server's command line. Importing it imports neither Trio nor the server."""

from __future__ import annotations

import argparse

from channels_async import __version__

from . import parsing
from .exit_codes import shown_codes
from .settings import DJANGO_SETTING, options
from .tools.table import shown_tools

EPILOG = """\
{tools}
signals:
  TERM, INT       stop claiming, finish what is in flight within the grace time, exit 0
  a second one    answer what is in flight 503 and exit 1 now
  HUP             start a fresh process, which reads the settings again; once it is ready,
                  do as on TERM. If it does not get ready, go on with the settings there are
                  With --processes, replace one process after the other
  USR1            print the tree of tasks to stderr, with what each is waiting for

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
    parser = parsing.make_parser("", about, EPILOG.format(tools=shown_tools(), codes=shown_codes()))
    parser.add_argument("-v", action="count", dest="v", help="as --verbose; -vv: as --verbose 2")
    parser.add_argument("--version", action="version", version=f"channels_async {__version__}")
    group = parser.add_argument_group("settings", f"each also in the Django setting {DJANGO_SETTING}")
    parsing.add_flags(group, options())
    return parser
