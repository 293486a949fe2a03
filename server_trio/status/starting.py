"""From the setting STATUS to a status server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .address import is_local, listen, parse_address
from .source import Source

if TYPE_CHECKING:
    from .listening import StatusServer


def open_status(text: str, source: Source) -> StatusServer | None:
    """A status server that listens already; its `serve` has to be run. None where the setting is empty.

    Raises SettingsError for what is no address, and where nothing can listen there.
    """
    if not text:
        return None
    # hypercorn and prometheus_client: a tenth of a second of a start that most servers need not wait for.
    from .app import StatusApp
    from .listening import StatusServer

    address = parse_address(text)
    listening = listen(address)
    # Names can be made to point at this machine; from elsewhere it is asked for under names of its own.
    hosts = [address.host.lower()] if is_local(listening) and not address.path else None
    return StatusServer(address, listening, StatusApp(source, hosts))
