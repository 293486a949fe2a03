"""The site that a command looks at: its settings and its channel layer, without the project's code."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..layers import LayerSpec
from ..options import Option
from ..parsing import add_flags, given
from ..project import layer_spec, load_django_settings
from ..resolving import resolve
from ..settings import DJANGO_SETTING, Settings, options

#: Settings of the server that say where to look; flags of every command.
WHERE: Final = ("LAYER", "BRIDGE", "CHANNEL")


@dataclass(frozen=True)
class Site:
    """What a command works on."""

    django_settings: Any
    settings: Settings
    spec: LayerSpec


def where_options() -> list[Option]:
    """The options of WHERE."""
    return [entry for entry in options() if entry.path[0] in WHERE]


def add_where(parser: argparse.ArgumentParser) -> None:
    """The flags of WHERE."""
    add_flags(parser.add_argument_group("settings, as the server has them"), where_options())


def load_site(arguments: argparse.Namespace) -> Site:
    """Of the settings module on the command line. Raises SettingsError.

    Deadlines of channels of the project's routing are not looked at here, nor is the routing.
    """
    django_settings = load_django_settings(arguments.settings)
    setting = getattr(django_settings, DJANGO_SETTING, None)
    if isinstance(setting, Mapping):
        setting = {name: value for name, value in setting.items() if name != "DEADLINES"}
    settings = resolve(setting, os.environ, given(arguments, where_options()))
    return Site(django_settings, settings, layer_spec(django_settings, settings))
