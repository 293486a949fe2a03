"""Makes the way to upstreams from the settings: errors in them are found before the server serves."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from channels_async.proxy_rules import Proxies

from .certificates import make_contexts
from .egress import make_guard
from .errors import SettingsError
from .http.connect import DirectConnector, OpenStream
from .http.proxy import ProxyConnector
from .settings import Settings

_HOST_PORT = re.compile(r"[A-Za-z0-9._~-]+(:[0-9]{1,5})?")


def make_open_stream(settings: Settings) -> OpenStream:
    """How this server opens connections. Raises SettingsError that names the setting and what is wrong."""
    guard = make_guard(settings)
    direct = DirectConnector(make_contexts(settings), guard=guard, unix_sockets=_unix_sockets(settings))
    proxies = _proxies(settings)
    return ProxyConnector(direct, proxies, guard) if proxies else direct


def _proxies(settings: Settings) -> Proxies:
    http = settings.HTTP
    try:
        return Proxies(http.proxy, http.no_proxy, os.environ if http.proxy_from_environment else None)
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _unix_sockets(settings: Settings) -> Mapping[str, str]:
    sockets = {}
    for host, path in settings.HTTP.unix_sockets.items():
        name = f"HTTP['unix_sockets'][{host!r}]"
        if not _HOST_PORT.fullmatch(host):
            raise SettingsError(f"{name}: the key must be a host name, with or without :port")
        if not isinstance(path, str) or not path.startswith("/"):
            raise SettingsError(f"{name} is {path!r}; it must be the path of the socket, from the root")
        sockets[host.lower()] = path
    return sockets
