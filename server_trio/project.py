"""Reads the project's Django settings; imports none of its apps unless DJANGO_SETUP asks for them."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Mapping
from typing import Any, Final

from channels_compat.stand_ins import distutils
from channels_compat.stand_ins.distutils import version

from .errors import SettingsError
from .importing import instead
from .layers import LayerSpec
from .logs import enable
from .settings import DJANGO_SETTING, Settings

#: What channels_async reads of the Django settings; the last two are the client's.
OUR_SETTINGS: Final = (DJANGO_SETTING, "CHANNELS_ASYNC", "CHANNELS_ASYNC_CLIENT")

HOW_TO_NAME: Final = (
    "give its dotted name, for example myproject.server_settings, in the directory that holds manage.py"
)


def load_django_settings(module: str) -> Any:
    """Django's settings object for `module`, for example 'myproject.server_settings'.

    Raises SettingsError that names the module and, for an error inside it, the line.
    """
    if not all(module.split(".")):
        raise SettingsError(f"{module!r} is no name of a settings module: {HOW_TO_NAME}")
    zone = os.environ.get("TZ")
    os.environ["DJANGO_SETTINGS_MODULE"] = module
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    # Django 2.2 takes a class of distutils (utils/version.py:6), in whose place all of setuptools may come.
    with instead({"distutils": distutils, "distutils.version": version}):
        from django.conf import settings as django_settings  # type: ignore[import-untyped]

    try:
        django_settings._setup()
    except SystemExit as error:
        raise SettingsError(f"the settings module {module} ends the process instead of setting") from error
    except Exception as error:
        raise SettingsError(_why_not_imported(module, error)) from error
    if not django_settings.is_overridden("TIME_ZONE"):
        _set_zone(zone)  # Django has set its default, Chicago, for this process and its log
    _check_names(django_settings)
    return django_settings


def set_up_django(settings: Settings) -> None:
    """Do what manage.py does before a command, where DJANGO_SETUP asks for it. May be done again.

    Raises SettingsError where an app of INSTALLED_APPS cannot be loaded.
    """
    if not settings.DJANGO_SETUP:
        return
    import django  # type: ignore[import-untyped]

    try:
        django.setup()
    except (Exception, SystemExit) as error:
        raise SettingsError(
            f"INSTALLED_APPS, which DJANGO_SETUP loads, cannot be used: {type(error).__name__}: {error}"
            f"{_place(error)}"
        ) from error
    enable()  # django.setup has applied LOGGING once more


def _set_zone(zone: str | None) -> None:
    """Make `zone` the process's time zone again; None is the machine's."""
    if zone is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = zone
    time.tzset()


def _check_names(django_settings: Any) -> None:
    """Refuse a setting that is nearly one of ours: a typo would be ignored otherwise."""
    for name in dir(django_settings):
        if name.startswith("CHANNELS_ASYNC") and name not in OUR_SETTINGS:
            raise SettingsError(f"{name} is not a setting; known are {', '.join(OUR_SETTINGS)}")


def _why_not_imported(module: str, error: Exception) -> str:
    """One line on what is wrong with a settings module."""
    problem = f"{type(error).__name__}: {error}"
    if isinstance(error, ModuleNotFoundError) and error.name and f"{module}.".startswith(f"{error.name}."):
        return f"there is no settings module {module}: {HOW_TO_NAME}"
    if isinstance(error, SyntaxError):
        python = f"Python {sys.version_info[0]}.{sys.version_info[1]}"
        return (
            f"the settings module {module} cannot be read by {python}"
            f" ({error.filename}, line {error.lineno}: {error.msg});"
            " give the server a settings module of its own, see settings.example"
        )
    return f"the settings module {module} cannot be imported: {problem}{_place(error)}"


def _place(error: BaseException) -> str:
    """The line that raised, in brackets, if it is the project's."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename
    ]
    if (
        frames
        and f"{os.sep}django{os.sep}" not in frames[-1].filename
        and not frames[-1].filename.startswith(("<", __file__))
    ):
        return f" ({frames[-1].filename}, line {frames[-1].lineno})"
    return ""


def layer_spec(django_settings: Any, settings: Settings) -> LayerSpec:
    """Which channel layer to open. Raises SettingsError where CHANNEL_LAYERS does not say."""
    layers = getattr(django_settings, "CHANNEL_LAYERS", None)
    if not isinstance(layers, Mapping) or not layers:
        raise SettingsError(
            "the Django settings have no CHANNEL_LAYERS; copy the site's into the server's settings,"
            " see settings.example"
        )
    alias = settings.LAYER
    if alias not in layers:
        raise SettingsError(f"CHANNEL_LAYERS has no {alias!r}; it has {', '.join(map(repr, sorted(layers)))}")
    layer = layers[alias]
    if not isinstance(layer, Mapping) or not isinstance(layer.get("BACKEND"), str):
        raise SettingsError(
            f"CHANNEL_LAYERS[{alias!r}] has no 'BACKEND', for example 'asgi_redis.RedisChannelLayer'"
        )
    config = layer.get("CONFIG", {})
    if not isinstance(config, Mapping):
        raise SettingsError(f"CHANNEL_LAYERS[{alias!r}]['CONFIG'] must be a dict")
    return LayerSpec(alias=alias, backend=layer["BACKEND"], config=dict(config), bridge=settings.BRIDGE)
