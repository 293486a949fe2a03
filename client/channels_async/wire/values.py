"""Values that an operation may carry to a function: what msgpack brings over as it was, and nothing else."""

from __future__ import unicode_literals

from channels_async._py23 import integers, text
from channels_async.wire import limits
from channels_async.wire.fields import wrong_type
from channels_async.wire.model import BadMessage

_PLAIN = (bytes, text, bool, float, type(None))
_LEAST, _MOST = -(2 ** 63), 2 ** 64 - 1  # what msgpack has integers for


def as_value(field, value):
    """A copy with tuples as lists. Raises BadMessage that names the place: `args[0]['size']`.

    Allowed are bytes, text, numbers, bools, None, lists of them, and dicts of them by text.
    """
    return _copy(field, value, [limits.MAX_VALUES], limits.MAX_NESTING)


def _copy(place, value, left, depth):
    """`left` is a list of one number, the values that may still come; `depth` is how deep they may be.

    `place` is the field, or (place, key or number) inside of another: no text unless somebody reads it.
    """
    left[0] -= 1
    if left[0] < 0:
        raise BadMessage('{}: more than {} values'.format(_field(place), limits.MAX_VALUES))
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, integers):
        if not _LEAST <= value <= _MOST:
            raise BadMessage('{} is an integer of more than 64 bits'.format(_shown(place)))
        return value
    if not isinstance(value, (list, tuple, dict)):
        raise wrong_type(_shown(place), 'bytes, text, a number, a bool, None, a list or a dict', value)
    if not depth:
        raise BadMessage('{}: more than {} levels'.format(_field(place), limits.MAX_NESTING))
    if isinstance(value, dict):
        return {
            _key(place, key): _copy((place, key), inner, left, depth - 1) for key, inner in value.items()
        }
    return [_copy((place, number), inner, left, depth - 1) for number, inner in enumerate(value)]


def _key(place, key):
    if not isinstance(key, text):
        raise wrong_type('{}: each key'.format(_shown(place)), 'text', key)
    return key


def _field(place):
    while isinstance(place, tuple):
        place, _ = place
    return place


def _shown(place):
    if not isinstance(place, tuple):
        return place
    outer, key = place
    return '{}[{!r}]'.format(_shown(outer), key)[:100]
