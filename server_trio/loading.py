"""Makes the table of what a server can do, from its settings: errors in them are found before it serves."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .commands import load_commands
from .django_orm import connections_closed
from .errors import SettingsError
from .functions import load_functions
from .operations import Handler, RunCall, RunCommand, run_forward, run_request
from .operations.guard import Guard
from .operations.threads import Threads
from .routing import load_routing, only_wanted, served_channels
from .settings import DAPHNE_MARGIN, Settings

if TYPE_CHECKING:
    from .consumers.runner import Consumers  # needs channels


def load_handlers(settings: Settings, *, debug: bool = False) -> Mapping[str, Handler]:
    """Handlers by the operation's name on the wire. Nothing outside this table can be asked for.

    `debug` is Django's DEBUG: error answers may then tell what only the log tells otherwise.
    Imports the project's functions. Raises SettingsError for what names something that is not there.
    """
    return {
        "REQUEST": run_request,
        "FORWARD": run_forward,
        "CALL": _call(settings, debug),
        "COMMAND": _command(settings, debug),
    }


def _call(settings: Settings, debug: bool) -> Handler:
    around = connections_closed if settings.DJANGO_SETUP else contextlib.nullcontext
    threads = Threads(settings.CALL_THREADS, around)
    return RunCall(load_functions(settings), threads, debug=debug)


def _command(settings: Settings, debug: bool) -> Handler:
    longest_end = settings.DAPHNE_HTTP_TIMEOUT - DAPHNE_MARGIN - settings.DEADLINES.COMMAND
    commands = load_commands(settings.COMMANDS, os.environ, longest_end=longest_end)
    return RunCommand(commands, debug=debug, guard=Guard())


def load_consumers(django_settings: Any, settings: Settings) -> Consumers | None:
    """The consumers of the project's routing that this server runs; None where there are none.

    Imports the project's code. Raises SettingsError for a routing that cannot be used, and where
    ONLY_CHANNELS and EXCLUDE_CHANNELS leave nothing to serve.
    """
    routing = load_routing(django_settings, settings)
    channels = served_channels(routing, settings)
    if not channels and not only_wanted([settings.CHANNEL], settings):
        known = ", ".join(sorted({settings.CHANNEL, *routing.channels}))
        raise SettingsError(f"ONLY_CHANNELS and EXCLUDE_CHANNELS leave none of the channels {known} to serve")
    if not channels:
        return None
    from .consumers.runner import Consumers

    return Consumers(routing, channels, settings)
