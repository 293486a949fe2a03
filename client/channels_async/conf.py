"""The client's settings, read when they are needed, so that importing needs no configured Django.

    CHANNELS_ASYNC = True           # False: every operation is done in the view
    CHANNELS_ASYNC_CLIENT = {
        'SEND_TIMEOUT': 0.5,        # seconds to wait for a place on a full channel; in a flood less
        'RETRY_AFTER': 1,           # seconds, told to the browser with a 503
        'CHANNEL': 'request.async', # where the server listens
        'TRACE': True,              # whether operations carry the request's trace (traceparent) upstream
        'CALLS': {},                # dotted paths of functions that are called in the view, by their names
    }

What bounds an operation that is done in the view are the server's own settings, so that both forms end
alike: `CHANNELS_ASYNC_SERVER['DEADLINES']`, and of `['HTTP']` its `response_body` and `response_head`.
"""

from __future__ import unicode_literals

import difflib
from collections import namedtuple

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from channels_async import command_rules, wire
from channels_async._py23 import integers, text
from channels_async.result_rules import native_text

#: Seconds; what CHANNELS_ASYNC_SERVER['DEADLINES'] has when it has nothing.
DEFAULT_DEADLINES = {'REQUEST': 30.0, 'FORWARD': 60.0, 'CALL': 10.0, 'COMMAND': 60.0}
#: Bytes; what CHANNELS_ASYNC_SERVER['HTTP']['response_body'] is without a value.
DEFAULT_RESPONSE_BODY = 1024 * 1024 * 1024
#: Bytes; what CHANNELS_ASYNC_SERVER['HTTP']['response_head'] is without a value.
DEFAULT_RESPONSE_HEAD = 64 * 1024

ClientSettings = namedtuple(str('ClientSettings'), str('send_timeout retry_after channel'))

_DEFAULTS = {
    'SEND_TIMEOUT': 0.5, 'RETRY_AFTER': 1, 'CHANNEL': wire.REQUEST_CHANNEL, 'TRACE': True, 'CALLS': {},
}  # fmt: skip


def offloads():
    """Whether operations go to the server (CHANNELS_ASYNC); if not they are done in the view."""
    return bool(getattr(settings, 'CHANNELS_ASYNC', True))


def client_settings():
    """The ClientSettings of this moment. Raises ImproperlyConfigured that names the setting."""
    given = _dict('CHANNELS_ASYNC_CLIENT', getattr(settings, 'CHANNELS_ASYNC_CLIENT', {}))
    for name in given:
        if name not in _DEFAULTS:
            problem = "CHANNELS_ASYNC_CLIENT has no setting {!r}; did you mean '{}'?"
            raise ImproperlyConfigured(problem.format(name, nearest(name, _DEFAULTS)))
    values = dict(_DEFAULTS, **given)
    channel = values['CHANNEL']
    if isinstance(channel, bytes):  # a native str of Python 2
        channel = channel.decode('latin-1')
    if not wire.check_channel_name(channel):
        problem = "CHANNELS_ASYNC_CLIENT['CHANNEL'] is no channel name: {!r}"
        raise ImproperlyConfigured(problem.format(channel))
    return ClientSettings(
        send_timeout=_seconds("CHANNELS_ASYNC_CLIENT['SEND_TIMEOUT']", values['SEND_TIMEOUT'], zero=True),
        retry_after=_seconds("CHANNELS_ASYNC_CLIENT['RETRY_AFTER']", values['RETRY_AFTER'], zero=True),
        channel=channel,
    )


def traces():
    """Whether operations carry the trace of the request that they are for."""
    client = _dict('CHANNELS_ASYNC_CLIENT', getattr(settings, 'CHANNELS_ASYNC_CLIENT', {}))
    value = client.get('TRACE', True)
    if not isinstance(value, bool):
        raise ImproperlyConfigured(
            "CHANNELS_ASYNC_CLIENT['TRACE'] must be True or False, not {!r}".format(value)
        )
    return value


def deadline(operation):
    """Seconds that an operation of this name may take, as the server would have it."""
    server = server_settings()
    deadlines = _dict("CHANNELS_ASYNC_SERVER['DEADLINES']", server.get('DEADLINES', {}))
    value = deadlines.get(operation, deadlines.get('default', DEFAULT_DEADLINES[operation]))
    return _seconds("CHANNELS_ASYNC_SERVER['DEADLINES']", value, zero=False)


def response_body():
    """Bytes that the body of a response may have, as the server would have it; 0 for any number."""
    return _http_bytes('response_body', DEFAULT_RESPONSE_BODY, 0)


def response_head():
    """Bytes that status line and headers of a response may have, as the server would have it."""
    return _http_bytes('response_head', DEFAULT_RESPONSE_HEAD, 1024)


def _http_bytes(name, default, least):
    server = server_settings()
    http = _dict("CHANNELS_ASYNC_SERVER['HTTP']", server.get('HTTP', {}))
    value = http.get(name, default)
    if isinstance(value, bool) or not isinstance(value, integers) or value < least:
        name = "CHANNELS_ASYNC_SERVER['HTTP']['{}']".format(name)
        raise ImproperlyConfigured('{} must be a number of bytes >= {}, not {!r}'.format(name, least, value))
    return value


def calls():
    """(dotted path, setting that has it) of each function that a CALL in the view may call, by its name."""
    client = _dict('CHANNELS_ASYNC_CLIENT', getattr(settings, 'CHANNELS_ASYNC_CLIENT', {}))
    server = server_settings()
    found = {}
    for setting, section in (('CHANNELS_ASYNC_SERVER', server), ('CHANNELS_ASYNC_CLIENT', client)):
        name = "{}['CALLS']".format(setting)
        for function, path in _dict(name, section.get('CALLS', {})).items():
            path = native_text(path)
            if not isinstance(path, text) or '.' not in path:
                raise ImproperlyConfigured(
                    "{}['{}'] must be the dotted path of a function, not {!r}".format(name, function, path))
            found[native_text(function)] = (path, "{}['{}']".format(name, function))
    return found


def call_modules():
    """Dotted names of the modules whose marked functions a CALL in the view may call."""
    server = server_settings()
    modules = server.get('CALL_MODULES', ())
    if not isinstance(modules, (list, tuple, set, frozenset)):
        problem = "CHANNELS_ASYNC_SERVER['CALL_MODULES'] must be a list of modules, not {!r}"
        raise ImproperlyConfigured(problem.format(modules))
    return [native_text(module) for module in modules]


def commands():
    """CHANNELS_ASYNC_SERVER['COMMANDS'] as command_rules.Commands by name."""
    server = server_settings()
    try:
        return command_rules.read_commands(server.get('COMMANDS', {}))
    except command_rules.CommandFault as fault:
        raise ImproperlyConfigured('CHANNELS_ASYNC_SERVER: {}'.format(fault))


def server_settings():
    """CHANNELS_ASYNC_SERVER as far as this site has it. Raises ImproperlyConfigured."""
    return _dict('CHANNELS_ASYNC_SERVER', getattr(settings, 'CHANNELS_ASYNC_SERVER', {}))


def layer(alias):
    """(BACKEND, CONFIG, ROUTING) of an entry of CHANNEL_LAYERS. Raises ImproperlyConfigured."""
    layers = _dict('CHANNEL_LAYERS', getattr(settings, 'CHANNEL_LAYERS', {}))
    if alias not in layers:
        raise ImproperlyConfigured('CHANNEL_LAYERS has no {!r}'.format(str(alias)))
    name = "CHANNEL_LAYERS['{}']".format(alias)
    entry = _dict(name, layers[alias])
    backend = native_text(entry.get('BACKEND'))
    if not isinstance(backend, text) or '.' not in backend:
        raise ImproperlyConfigured("{}['BACKEND'] must be a dotted path, not {!r}".format(name, backend))
    config = _dict("{}['CONFIG']".format(name), entry.get('CONFIG', {}))
    return backend, config, entry.get('ROUTING')


def nearest(name, names):
    """The one of `names` that is most like `name`."""
    found = difflib.get_close_matches('{}'.format(name).lower(), [known.lower() for known in names], 1, 0.0)
    return next(known for known in sorted(names) if known.lower() == found[0])


def did_you_mean(name, names):
    """The end of a line that says that there is no `name`: the one of `names` that was perhaps meant."""
    near = difflib.get_close_matches(name, sorted(names), 1, 0.6)
    return "; did you mean '{}'?".format(near[0]) if near else ''


def _dict(name, value):
    if not isinstance(value, dict):
        raise ImproperlyConfigured('{} must be a dict, not {!r}'.format(name, value))
    return value


def _seconds(name, value, zero):
    right = isinstance(value, integers + (float,)) and not isinstance(value, bool)
    if not right or not (0 <= value < float('inf')) or (value == 0 and not zero):
        raise ImproperlyConfigured('{} must be a number of seconds {} 0, not {!r}'.format(
            name, '>=' if zero else '>', value))
    return float(value)
