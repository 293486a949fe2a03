"""Which functions can be called, and what is told of one that fails: at both ends."""

from __future__ import unicode_literals

import inspect

from channels_async._py23 import PY2

#: The attribute that @call of server_trio.calls sets: an object with `name`, text or None.
MARK = '_channels_async_call'

#: Of a function that is not there; which ones there are is not for the browser.
NOT_HERE = 'this site has no such function'

LATE = "the function took longer than the operation's deadline"


def failed(name, traceback=None):
    """That a function raised, or returned what is no response; with its traceback where DEBUG allows that."""
    reason = "the function '{}' failed".format(name)
    return reason if traceback is None else '{}\n\n{}'.format(reason, traceback.rstrip())


def marked(module):
    """(name, function) of each function that is defined in `module` and marked with @call, sorted.

    The name is the one that was given to @call, else the last part of the module's and the function's own.
    """
    found = []
    for function in vars(module).values():
        mark = getattr(function, MARK, None)
        if mark is not None and getattr(function, '__module__', None) == module.__name__:
            name = mark.name or '{}.{}'.format(module.__name__.rpartition('.')[2], function.__name__)
            found.append((name, function))
    return sorted(found, key=lambda pair: pair[0])


def takes_context(function):
    """Whether a function has a parameter called `context`. False for what cannot be looked into."""
    try:
        if not PY2:
            return 'context' in inspect.signature(function).parameters
        if not inspect.isroutine(function):
            function = function.__call__
        return 'context' in inspect.getargspec(function).args
    except (TypeError, ValueError):
        return False


def is_async(function):
    """Whether a function is `async def`, a generator or not; of an object, its __call__."""
    for each in (function, getattr(function, '__call__', None)):  # noqa: B004 - its own, not whether it has one
        for check in ('iscoroutinefunction', 'isasyncgenfunction'):
            if getattr(inspect, check, lambda _: False)(each):
                return True
    return False
