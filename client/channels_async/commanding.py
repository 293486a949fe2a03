"""From the arguments of client.command to the fields of a message, in the view, which gets the errors."""

from __future__ import unicode_literals

import numbers

from django.http import HttpRequest
from django.utils.functional import Promise

from channels_async._py23 import text
from channels_async.wire.fields import shown

try:
    from collections.abc import Mapping
except ImportError:  # Python 2
    from collections import Mapping


def prepare_command(command, parameters, stdin):
    """Keyword arguments for wire.encode: command, parameters, and what is read on stdin.

    Raises TypeError for an argument of a wrong type and ValueError for a wrong value; both name it.
    """
    fields = {'command': _text('command', command), 'parameters': _parameters(parameters)}
    fields.update(_input(stdin))
    return fields


def _parameters(parameters):
    if parameters is None:
        return {}
    if not isinstance(parameters, Mapping):
        raise TypeError('parameters must be a dict, not {}'.format(type(parameters).__name__))
    found = {}
    for name, value in parameters.items():
        name = _text('parameters: each name', name)
        place = 'parameters[{}]'.format(shown(name))
        if isinstance(value, numbers.Number) and not isinstance(value, bool):
            # Of a float Python 2 would tell twelve digits.
            value = text(repr(value)) if isinstance(value, float) else '{}'.format(value)
        found[name] = _text(place, value)
    return found


def _text(place, value):
    if isinstance(value, Promise):  # a lazy translation
        value = text(value)
    if isinstance(value, str) and not isinstance(value, text):  # a native str of Python 2
        try:
            return value.decode('utf-8')
        except UnicodeDecodeError:
            raise TypeError('{} must be text; it holds bytes that are not UTF-8'.format(place))
    if not isinstance(value, text):
        expected = 'text or a number' if place.startswith('parameters[') else 'text'
        raise TypeError('{} must be {}, not {}'.format(place, expected, type(value).__name__))
    return value


def _input(stdin):
    """`stdin`, and `body_channel` and `content_length` where a browser's body comes in pieces."""
    if stdin is None:
        return {}
    inner = getattr(stdin, '_request', stdin)  # Django REST framework wraps the request
    if isinstance(inner, HttpRequest):
        return {'stdin': inner.body}
    if hasattr(stdin, 'channel_layer') or isinstance(stdin, dict):
        return _input_of_message(getattr(stdin, 'content', stdin))
    if hasattr(stdin, 'read'):
        stdin = stdin.read()
    if isinstance(stdin, text):
        stdin = stdin.encode('utf-8')
    if isinstance(stdin, (bytearray, memoryview)):
        stdin = stdin.tobytes() if isinstance(stdin, memoryview) else bytes(stdin)
    if not isinstance(stdin, bytes):
        raise TypeError('stdin must be bytes, text, a file, a request or a message, not {}'.format(
            type(stdin).__name__))
    return {'stdin': stdin}


def _input_of_message(content):
    """The body of an http.request, or the frame of a websocket.receive (daphne/ws_protocol.py:186-200)."""
    if content.get('body_channel') is not None:
        return {
            'stdin': content.get('body') or b'',
            'body_channel': _text('the body_channel of the message', content['body_channel']),
            'content_length': _content_length(content.get('headers') or ()),
        }
    for name in ('body', 'bytes', 'text'):
        value = content.get(name)
        if value is not None:
            return {'stdin': value if isinstance(value, bytes) else value.encode('utf-8')}
    return {'stdin': b''}


def _content_length(headers):
    values = {bytes(value) for name, value in headers if bytes(name).lower() == b'content-length'}
    value = values.pop() if len(values) == 1 else b''
    return int(value) if value.isdigit() and len(value) < 16 else None
