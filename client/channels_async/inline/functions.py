"""The functions that a CALL in the view can call: what the settings name, and can run here."""

from __future__ import unicode_literals

import importlib
import sys

from django.core.exceptions import ImproperlyConfigured

from channels_async import call_rules, conf

_INSTEAD = "; CHANNELS_ASYNC_CLIENT['CALLS']['{}'] may name a function that does its work in the view"
_PYTHON = 'Python {}.{}'.format(*sys.version_info[:2])


def find(name):
    """The function that the settings have by that name; None if there is none.

    Raises ImproperlyConfigured for one that cannot be imported here, or cannot be run without an event loop.
    """
    calls = conf.calls()
    if name in calls:
        path, setting = calls[name]
        module, _, attribute = path.rpartition('.')
        imported = _import(module, name, '{} is {!r}, but '.format(setting, str(path)))
        if not callable(getattr(imported, attribute, None)):
            raise ImproperlyConfigured('{} is {!r}, but {} has no function {}'.format(
                setting, str(path), module, attribute))
        return _runs_here(name, getattr(imported, attribute))
    for module in conf.call_modules():
        found = dict(call_rules.marked(_import(module, name, "CHANNELS_ASYNC_SERVER['CALL_MODULES']: ")))
        if name in found:
            return _runs_here(name, found[name])
    return None


def hint(name):
    """The end of a line that says that the settings have no function of that name."""
    known = set(conf.calls())
    for module in conf.call_modules():
        imported = _import(module, name, "CHANNELS_ASYNC_SERVER['CALL_MODULES']: ")
        known.update(marked for marked, _ in call_rules.marked(imported))
    return conf.did_you_mean(name, known)


def refuse_async(name):
    """Raise ImproperlyConfigured: that the function needs the server's event loop."""
    raise ImproperlyConfigured(
        "the function '{}' is asynchronous, which only the server can run, not the view".format(name)
        + _INSTEAD.format(name)
    )


def _runs_here(name, function):
    if call_rules.is_async(function):
        refuse_async(name)
    return function


def _import(module, name, setting):
    try:
        return importlib.import_module(str(module))
    except Exception as error:
        # Such as a SyntaxError of a module that is written for the server's Python.
        raise ImproperlyConfigured('{}{} cannot be imported by {} ({}: {})'.format(
            setting, module, _PYTHON, type(error).__name__, error) + _INSTEAD.format(name))
