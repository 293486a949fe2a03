"""Makes the table of what a server can do, from its settings: errors in them are found before it serves."""

from __future__ import annotations

import os
from collections.abc import Mapping

from .commands import load_commands
from .operations import Handler, make_run_command, run_request
from .settings import DAPHNE_MARGIN, Settings


def load_handlers(settings: Settings, *, debug: bool = False) -> Mapping[str, Handler]:
    """Handlers by the operation's name on the wire. Nothing outside this table can be asked for.

    `debug` is Django's DEBUG: error answers may then tell what only the log tells otherwise.
    Raises SettingsError for what names something that is not there.
    """
    return {"REQUEST": run_request, "COMMAND": _command(settings, debug)}


def _command(settings: Settings, debug: bool) -> Handler:
    longest_end = settings.DAPHNE_HTTP_TIMEOUT - DAPHNE_MARGIN - settings.DEADLINES.COMMAND
    commands = load_commands(settings.COMMANDS, os.environ, longest_end=longest_end)
    return make_run_command(commands, debug=debug)
