"""The functions that CALL may call: what CALLS and CALL_MODULES name, imported when the server starts."""

from __future__ import annotations

import difflib
import importlib
import os
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

from channels_async import call_rules
from channels_async.wire import BadMessage, encode, parse

from .errors import SettingsError
from .operations.call import Function
from .settings import DJANGO_SETTING, Settings


def load_functions(settings: Settings) -> dict[str, Function]:
    """The functions by name. Imports the project's code. Raises SettingsError that names the setting."""
    found: dict[str, tuple[Function, str]] = {}
    for name, path in settings.CALLS.items():
        where = f"{DJANGO_SETTING}['CALLS'][{name!r}]"
        _add(found, name, _find(path, where), where)
    for module in settings.CALL_MODULES:
        where = f"{DJANGO_SETTING}['CALL_MODULES']: {module}"
        marked = call_rules.marked(_import(module, where))
        if not marked:
            raise SettingsError(f"{where} has no function that is marked with @call of server_trio.calls")
        for name, target in marked:
            _add(found, name, target, where)
    return {name: function for name, (function, _) in found.items()}


def _add(
    found: dict[str, tuple[Function, str]], name: str, target: Callable[..., Any], where: str
) -> None:
    _check_name(name, where)
    if name in found and found[name][0].target is not target:
        raise SettingsError(f"{where}: the name {name!r} is another function's already, by {found[name][1]}")
    mark = getattr(target, call_rules.MARK, None)
    in_task = call_rules.is_async(target) or (mark is not None and mark.thread is False)
    idempotent = mark is not None and mark.idempotent
    found[name] = Function(name, target, in_task, call_rules.takes_context(target), idempotent), where


def _check_name(name: str, where: str) -> None:
    """By the rule of the messages that ask for it."""
    try:
        parse(encode("a", None, operation="CALL", function=name, reply_format="none"), 0.0)
    except (BadMessage, ValueError, TypeError) as error:
        raise SettingsError(f"{where}: {name!r} is no name for a function: {error}") from None


def _find(path: object, where: str) -> Callable[..., Any]:
    """What a dotted path names."""
    parts = path.split(".") if isinstance(path, str) else []
    if not isinstance(path, str) or len(parts) < 2 or not all(part.isidentifier() for part in parts):
        raise SettingsError(
            f"{where} is {path!r}; it must be the dotted path of a function, for example"
            " 'myproject.async_ops.status'"
        )
    module, _, attribute = path.rpartition(".")
    imported = _import(module, f"{where} is {path!r}, but {module}")
    target = getattr(imported, attribute, None)
    if target is None:
        near = next(iter(difflib.get_close_matches(attribute, vars(imported), 1, 0.6)), None)
        hint = f"; did you mean {module}.{near}?" if near else ""
        raise SettingsError(f"{where} is {path!r}, but {module} has no {attribute}{hint}")
    if not callable(target) or isinstance(target, type):
        raise SettingsError(f"{where} is {path!r}, which is no function but of type {type(target).__name__}")
    function: Callable[..., Any] = target
    return function


def _import(module: str, where: str) -> ModuleType:
    """Raises SettingsError that begins with `where`."""
    try:
        return importlib.import_module(module)
    except (Exception, SystemExit) as error:
        raise SettingsError(f"{where} cannot be imported: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """One line on why a module cannot be imported, with the place in the project's code."""
    text = f"{type(error).__name__}: {error}".replace("\n", " ")
    if type(error).__name__ == "AppRegistryNotReady":
        return f"{text} {DJANGO_SETTING}['DJANGO_SETUP'] = True makes Django's models usable"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and os.path.dirname(__file__) not in frame.filename
    ]
    if isinstance(error, SyntaxError) or not frames:
        return text
    return f"{text} ({frames[-1].filename}, line {frames[-1].lineno})"
