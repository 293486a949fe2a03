"""From the arguments of client.call to values that a message carries, in the view, which gets the errors."""

from __future__ import unicode_literals

import datetime
import decimal
import uuid

from channels_async._py23 import PY2, integers, text
from channels_async.result_rules import lazy, native_text
from channels_async.wire import limits

_HINTS = (
    ((datetime.datetime, datetime.date, datetime.time), 'pass it as text, with isoformat()'),
    ((datetime.timedelta,), 'pass its total_seconds()'),
    ((decimal.Decimal, uuid.UUID), 'pass it as text'),
    ((set, frozenset), 'pass a list'),
)


def function_name(value):
    """The name of a function as text. Raises TypeError."""
    value = native_text(value)
    if not isinstance(value, text):
        raise TypeError(
            'function must be the name that the settings of the server have for it, as text, not {}'.format(
                _kind(value)))
    return value


def arguments(args, kwargs):
    """(list, dict) of a call's arguments as values of the wire. They are copies.

    A str of Python 2 becomes text where it is ASCII, for there 'a' == u'a', and stays bytes where it is not;
    a bytearray is always bytes. Tuples become lists; lazy texts of Django, text.

    Raises TypeError for what a message does not carry and ValueError for too much of it; both name the place,
    such as args[0]['when'].
    """
    if isinstance(args, (text, bytes, bytearray)) or not isinstance(args, (list, tuple)):
        raise TypeError('args must be a list or a tuple, not {}'.format(_kind(args)))
    if kwargs is None:
        kwargs = {}
    if not isinstance(kwargs, dict):
        raise TypeError('kwargs must be a dict, not {}'.format(_kind(kwargs)))
    return _value('args', args, limits.MAX_NESTING), _value('kwargs', kwargs, limits.MAX_NESTING)


def _value(place, value, depth):
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, bytearray):
        return bytes(value)
    value = text(value) if lazy(value) else native_text(value)
    for plain in (bytes, text):
        if isinstance(value, plain):
            return value[:]  # of a subclass, such as SafeText, the plain value
    if isinstance(value, integers):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if not isinstance(value, (list, tuple, dict)):
        problem = '{} is {}, which a message does not carry; {}'
        raise TypeError(problem.format(place, _kind(value), _hint(value)))
    if not depth:
        raise ValueError('{} has more than {} levels'.format(place.partition('[')[0], limits.MAX_NESTING))
    if isinstance(value, dict):
        return {
            _key(place, key): _value('{}[{}]'.format(place, _shown(key)), inner, depth - 1)
            for key, inner in value.items()
        }
    return [_value('{}[{}]'.format(place, number), inner, depth - 1) for number, inner in enumerate(value)]


def _key(place, key):
    if lazy(key):
        key = text(key)
    key = native_text(key)
    if not isinstance(key, text):
        raise TypeError('{} has the key {}; keys must be text'.format(place, _shown(key)))
    return key[:]


def _shown(key):
    """A key as Python writes it, without the prefix that text or bytes have in the other Python; not long."""
    written = repr(native_text(key))
    return (written.lstrip('u') if PY2 and isinstance(native_text(key), text) else written)[:60]


def _hint(value):
    for kinds, hint in _HINTS:
        if isinstance(value, kinds):
            return hint
    if hasattr(value, '_meta') and hasattr(value, 'pk'):
        return 'pass its pk, and get it again in the function'
    if hasattr(value, '__iter__'):
        return 'pass a list of plain values'
    return 'pass text, bytes, a number, a bool, None, a list or a dict'


def _kind(value):
    return 'of type {}'.format(type(value).__name__)
