"""The project's own channels: ROUTING of the server's settings, with channels' own `route()` and filters."""

from __future__ import annotations

import fnmatch
import os
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from channels_async.wire import check_channel_name

from .errors import SettingsError
from .settings import Settings

#: What daphne and other interface servers send to (daphne/http_protocol.py:146, ws_protocol.py:96-168).
#: The site's workers consume it, so a routing that was copied with CHANNEL_LAYERS would take it from them.
SITE_CHANNELS: Final = ("http.", "websocket.")

#: A consumer of the routing; channels' own form, or `async def`.
Consumer = Callable[..., Any]


@dataclass(frozen=True)
class Routing:
    """Which channels a project has routed, and to which consumers. Without a router there are none."""

    router: Any = None  # channels.routing.Router, or what has its `match`
    channels: frozenset[str] = frozenset()
    #: Gives channels' own layer object, for consumers that are plain functions. Called in threads.
    sync_layer: Callable[[], Any] = field(default=lambda: None)

    def match(self, message: Any) -> tuple[Consumer, dict[str, Any]] | None:
        """The consumer of a message and the arguments that filters took from it; None without a route.

        Raises whatever the filters do over a value that they were not made for.
        """
        found: tuple[Consumer, dict[str, Any]] | None = self.router.match(message)
        return found


def load_routing(django_settings: Any, settings: Settings) -> Routing:
    """CHANNEL_LAYERS[alias]['ROUTING']: a dotted path to a list of routes, such a list, or a dict as in 2017.

    Imports the project's routing and consumers. Raises SettingsError that names what is wrong.
    """
    alias = settings.LAYER
    layers = getattr(django_settings, "CHANNEL_LAYERS", None)
    layer = layers.get(alias) if isinstance(layers, Mapping) else None
    given = layer.get("ROUTING") if isinstance(layer, Mapping) else None
    if not given:
        return Routing()
    where = f"CHANNEL_LAYERS[{alias!r}]['ROUTING']"
    if isinstance(given, str) and not given.partition(".")[2]:
        raise SettingsError(f"{where} is {given!r}; as text it is a dotted path, such as site.routing.routes")
    try:
        from channels import channel_layers  # type: ignore[import-untyped]
        from channels.routing import Router  # type: ignore[import-untyped]
    except ImportError as error:
        raise SettingsError(
            f"{where} needs channels in the server's environment ({error}): pip install 'channels>=1.1,<2'"
        ) from error
    try:
        router = Router(given)
        names = frozenset(router.channels)
    except (Exception, SystemExit) as error:
        raise SettingsError(
            f"{where} cannot be used: {_reason(error)}. If this is the site's own routing, give the server"
            " one of its own, or none (see settings.example)"
        ) from error
    _check_names(where, names, settings)
    return Routing(router, names, lambda: channel_layers[alias])


def served_channels(routing: Routing, settings: Settings) -> list[str]:
    """The channels of the routing that this server takes messages from, sorted.

    Raises SettingsError for channels that are the site's workers' and were not asked for by name.
    """
    channels = sorted(only_wanted(routing.channels, settings))
    asked = [pattern for pattern in settings.ONLY_CHANNELS if pattern.startswith(SITE_CHANNELS)]
    taken = [name for name in channels if name.startswith(SITE_CHANNELS) and not _fits(name, asked)]
    if taken:
        raise SettingsError(
            f"CHANNEL_LAYERS[{settings.LAYER!r}]['ROUTING'] routes {', '.join(taken)}, which the site's"
            " workers consume: this server would take their messages. Give the server a routing of its own,"
            " or 'ROUTING': [] for none (see settings.example); if it is to have these channels, name them in"
            " ONLY_CHANNELS"
        )
    if both := sorted(set(channels) & set(settings.DISCONNECT_CHANNELS)):
        raise SettingsError(
            f"CHANNEL_LAYERS[{settings.LAYER!r}]['ROUTING'] routes {', '.join(both)}, which the server reads"
            " to cancel what a browser has left: a message goes to one reader alone. Take the channel out of"
            " DISCONNECT_CHANNELS or of the routing"
        )
    return channels


def only_wanted(channels: Iterable[str], settings: Settings) -> list[str]:
    """Those that ONLY_CHANNELS and EXCLUDE_CHANNELS leave, as in runworker (channels/worker.py:57-71)."""
    only = settings.ONLY_CHANNELS
    channels = [name for name in channels if not only or _fits(name, only)]
    return not_excluded(channels, settings)


def not_excluded(channels: Iterable[str], settings: Settings) -> list[str]:
    """Those that EXCLUDE_CHANNELS leaves."""
    return [name for name in channels if not _fits(name, settings.EXCLUDE_CHANNELS)]


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _check_names(where: str, names: Iterable[str], settings: Settings) -> None:
    for name in sorted(names, key=str):
        if not isinstance(name, str) or not check_channel_name(name) or "!" in name or "?" in name:
            raise SettingsError(
                f"{where}: {name!r} is not the name of an ordinary channel:"
                " ASCII letters, digits, '.', '-' and '_', fewer than 100"
            )
        if name == settings.CHANNEL:
            raise SettingsError(
                f"{where}: {name} is the channel of the operations (CHANNEL); consumers need other channels"
            )


def _reason(error: BaseException) -> str:
    """One line on what is wrong with a routing, with the place in the project's code.

    channels says "Cannot import" of everything; why is in the exception that it was raised over.
    """
    if isinstance(error, AttributeError) and "channel_names" in str(error):
        return f"it holds what is no route() ({error})"
    cause = error.__context__ if isinstance(error.__context__, ImportError | AttributeError) else None
    text = f"{type(error).__name__}: {error}"
    if cause is not None and str(cause) not in text:
        text += f" ({cause})"
    if type(error).__name__ == "AppRegistryNotReady":
        text += " Set 'DJANGO_SETUP': True"
    if isinstance(error, SyntaxError):
        return text
    place = (_place(cause) if cause is not None else "") or _place(error)
    return text + place


def _place(error: BaseException) -> str:
    """The last line of the project's code that an exception came through."""
    apart = (f"{os.sep}channels{os.sep}", "importlib", __file__)
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not any(part in frame.filename for part in apart)
    ]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
