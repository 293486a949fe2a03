"""From the sources of settings to the one `Settings`: their order of precedence, and what is refused.

Defaults < `CHANNELS_ASYNC_SERVER` of the Django settings < environment < command line. Unknown names and
values out of range raise `SettingsError` with the nearest valid name or the valid range.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from channels_async.wire import check_channel_name

from .errors import SettingsError
from .flags import FLAGS
from .options import ENVIRONMENT_PREFIX, Option
from .settings import DAPHNE_MARGIN, DJANGO_SETTING, Deadlines, Settings, options, section

#: Variables of the tests, which are not settings.
TEST_PREFIX: Final = ENVIRONMENT_PREFIX + "TEST_"


def resolve(
    django: Any,
    environment: Mapping[str, str],
    arguments: Mapping[tuple[str, ...], str],
    routed: Callable[[Settings], Collection[str]] = lambda settings: (),
) -> Settings:
    """Put the sources together, later ones winning, and check every value.

    `django` is the value of CHANNELS_ASYNC_SERVER (a dict, or None where it is not set),
    `environment` is os.environ, `arguments` holds the command line's texts by option path. `routed` is
    asked, where DEADLINES names what is no operation, for the channels of the project's routing.
    Raises SettingsError.
    """
    known = {entry.path: entry for entry in options()}
    values: dict[tuple[str, ...], Any] = {}
    others: dict[tuple[str, ...], Any] = {}
    for path, value in _flatten(django):
        if path[0] == "DEADLINES" and path not in known:
            others[path] = value
        else:
            values[path] = _lookup(known, path).check(value, DJANGO_SETTING)
    _check_variables(known, environment)
    for entry in known.values():
        if entry.in_texts and entry.variable in environment:
            values[entry.path] = entry.check(
                environment[entry.variable], "the environment's " + entry.variable
            )
    for path, text in arguments.items():
        values[path] = known[path].check(text, "the command line's " + known[path].flag)
    settings = _build(values)
    _check_channel(settings)
    _check_deadlines(settings)
    return _with_channels(settings, known, others, routed) if others else settings


def _with_channels(
    settings: Settings,
    known: Mapping[tuple[str, ...], Option],
    others: Mapping[tuple[str, ...], Any],
    routed: Callable[[Settings], Collection[str]],
) -> Settings:
    """The settings with deadlines of the routing's channels; any other name is an error."""
    default = known["DEADLINES", "default"]
    paths = [("DEADLINES", name) for name in routed(settings)]
    known = {**known, **{path: dataclasses.replace(default, path=path) for path in paths}}
    channels = {
        path[1]: _lookup(known, path).check(value, DJANGO_SETTING) for path, value in others.items()
    }
    return dataclasses.replace(
        settings, DEADLINES=dataclasses.replace(settings.DEADLINES, channels=channels)
    )


def _check_variables(known: Mapping[tuple[str, ...], Option], environment: Mapping[str, str]) -> None:
    """Refuse variables of ours that mean nothing: a typo would be ignored otherwise."""
    names = [entry.variable for entry in (*known.values(), *FLAGS) if entry.in_texts]
    for name in environment:
        ours = name.startswith(ENVIRONMENT_PREFIX) and not name.startswith(TEST_PREFIX)
        if ours and name not in names:
            nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.0)[0]
            raise SettingsError(f"the environment's {name} is not a setting; did you mean {nearest}?")


def _check_channel(settings: Settings) -> None:
    name = settings.CHANNEL
    if not check_channel_name(name) or "!" in name or "?" in name:
        raise SettingsError(
            f"CHANNEL is {name!r}; it must be the name of an ordinary channel:"
            " ASCII letters, digits, '.', '-' and '_', fewer than 100"
        )


def _flatten(django: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """(path, value) of each entry of the Django setting, sections opened."""
    if django is None:
        return
    if not isinstance(django, Mapping):
        raise SettingsError(f"{DJANGO_SETTING} is a {type(django).__name__}; it must be a dict")
    sections = {entry.path[0] for entry in options() if len(entry.path) == 2}
    for key, value in django.items():
        if key not in sections:
            yield (str(key),), value
        elif isinstance(value, Mapping):
            for name, inner in value.items():
                yield (key, str(name)), inner
        else:
            raise SettingsError(f"{DJANGO_SETTING}[{key!r}] is {value!r}; it must be a dict")


def _lookup(known: Mapping[tuple[str, ...], Option], path: tuple[str, ...]) -> Option:
    """The option of a path, or SettingsError that names the nearest one."""
    if path in known:
        return known[path]
    siblings = {entry[-1] for entry in known if len(entry) == len(path) and entry[:-1] == path[:-1]}
    if len(path) == 1:
        siblings |= {entry[0] for entry in known}
    nearest = difflib.get_close_matches(
        path[-1].upper(), {name.upper(): name for name in siblings}, n=1, cutoff=0.5
    )
    by_upper = {name.upper(): name for name in siblings}
    hint = (
        f"; did you mean {by_upper[nearest[0]]!r}?"
        if nearest
        else f"; known are {', '.join(sorted(siblings))}"
    )
    place = DJANGO_SETTING + "".join(f"[{part!r}]" for part in path)
    nothing = "neither an operation nor a channel of ROUTING" if path[0] == "DEADLINES" else "not a setting"
    raise SettingsError(f"{place} is {nothing}{hint}")


def _build(values: Mapping[tuple[str, ...], Any]) -> Settings:
    top: dict[str, Any] = {path[0]: value for path, value in values.items() if len(path) == 1}
    for group in dataclasses.fields(Settings):
        if "help" not in group.metadata:
            inner = {path[1]: value for path, value in values.items() if path[0] == group.name}
            if group.name == "DEADLINES" and "default" in inner:
                # Who sets the default means it for all that they do not name, built-in values or not.
                inner = dict.fromkeys(_operation_deadlines(), inner["default"]) | inner
            top[group.name] = section(group.name)(**inner)
    return Settings(**top)


def _operation_deadlines() -> list[str]:
    """The names of DEADLINES that are options; those of channels are the project's."""
    return [entry.name for entry in dataclasses.fields(Deadlines) if "help" in entry.metadata]


def _check_deadlines(settings: Settings) -> None:
    """Hold every deadline below daphne's timeout.

    A response that is still being written when daphne's timeout comes stops the timeout checker of
    that whole daphne process (daphne/http_protocol.py:256-258 raises out of daphne/server.py:205).
    """
    longest = settings.DAPHNE_HTTP_TIMEOUT - DAPHNE_MARGIN
    # The default first: who has set it has set the others with it.
    for name in sorted(_operation_deadlines(), key="default".__ne__):
        value = getattr(settings.DEADLINES, name)
        if value > longest:
            raise SettingsError(
                f"DEADLINES[{name!r}] is {value:g} seconds, but daphne gives up after"
                f" {settings.DAPHNE_HTTP_TIMEOUT:g}; set it to {longest:g} or less, or start daphne with a"
                " higher --http-timeout and set DAPHNE_HTTP_TIMEOUT to the same"
            )
