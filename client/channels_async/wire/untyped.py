"""Version 1: the messages of the 2017 client, in which every value is text_type(value).

`headers` may be the repr of a Python 2 dict, `timeout` '5', `allow_redirects` 'False', nothing 'None'.
Its server passed all fields on to aiohttp 2's `session.get`, so their names are aiohttp's.
Values of the proper type are understood as well, for consumers that wrote their messages themselves.
The size of a value is checked before anything is done for each of its parts (limits.py).
"""

from __future__ import unicode_literals

import json as _json
import re
import uuid

from channels_async._py23 import PY2, integers, parse_query, text
from channels_async.wire import fields, limits
from channels_async.wire.literals import NotLiteral, TooMuch, literal
from channels_async.wire.model import BadMessage, Operation, Request

VERSION = 1

#: The fields that are understood, and what each may be; docs/wire.rst is made from it.
FIELDS = {
    'operation': "`REQUEST`",
    'reply_channel': 'a channel name',
    'url': 'an absolute http(s) URL; a user name and password in it are sent as basic authentication',
    'method': '`GET` unless it is there',
    'headers': 'a dict or a list of pairs',
    'params': 'a dict, a list of pairs or a query string, added to the query of the URL',
    'data': 'a dict or a list of pairs: a form; any other text: the body',
    'json': 'a value, sent as JSON',
    'cookies': 'a dict or a list of pairs',
    'auth': 'a pair of user and password: basic authentication',
    'timeout': "seconds from the moment the server takes it; can shorten the server's deadline only",
    'allow_redirects': 'True unless it is there',
    'max_redirects': '10 unless it is there',
}
# How no JSON text and hardly a body begins, but the repr of a dict or of a list of pairs.
_SURELY_A_REPR = re.compile(r"[\[({][\[(\s]{0,8}[uUbB]?'")
_NATIVE = (bool, float, list, tuple, dict) + integers


def parse_untyped(message, reply_channel):
    """The Operation of a 2017 message whose keys are text. Raises BadMessage."""
    if 'url' not in message:
        raise BadMessage('url is missing')
    return Operation(
        name='REQUEST',
        version=VERSION,
        id=text(uuid.uuid4().hex),
        reply_channel=reply_channel,
        reply_format='http',
        head=False,
        sent_at=None,
        timeout=fields.as_timeout('timeout', _scalar('timeout', message)),
        response_headers=[],
        ignored=tuple(sorted(set(message) - set(FIELDS))),
        details=_request(message),
    )


def _request(message):
    url, userinfo = fields.as_url('url', message['url'])
    method = _raw('method', message)
    redirects = _scalar('allow_redirects', message)
    most = _scalar('max_redirects', message)
    params = _raw('params', message)
    return Request(
        method='GET' if method is None else fields.as_method('method', method),
        url=url,
        headers=_headers(message),
        body=None,
        allow_redirects=True if redirects is None else fields.as_bool('allow_redirects', redirects),
        max_redirects=10 if most is None else fields.as_integer('max_redirects', most, limits.MAX_REDIRECTS),
        params=None if params is None else _query('params', params),
        data=_data(message),
        json=_encoded_json(message),
        cookies=_cookies(message),
        auth=_auth(message) or userinfo,
    )


# --- how a field was written -----------------------------------------------------------------------


def _raw(field, message):
    """The value as it came, bytes decoded; 'None' and the empty text are None."""
    value = message.get(field)
    if isinstance(value, bytes):
        value = fields.as_text(field, value)
    if value is None or (isinstance(value, text) and value.strip() in ('', 'None')):
        return None
    if isinstance(value, (text,) + _NATIVE):
        return value
    raise fields.wrong_type(field, 'text', value)


def _plain(field, message, most):
    """The value that the text is the repr of, with `most` values inside of each other."""
    value = _raw(field, message)
    return _literal(field, value, most) if isinstance(value, text) else value


def _literal(field, source, most=limits.MAX_VALUES):
    try:
        return literal(source, most)
    except NotLiteral as error:
        raise BadMessage('{} cannot be read: {}'.format(field, error))


def _pair_values(most):
    """Values in the repr of a list of pairs: two in each, the pair itself, and the list."""
    return 3 * most + 1


def _scalar(field, message):
    value = _raw(field, message)
    if isinstance(value, text):
        if len(value) > limits.MAX_SCALAR:
            raise BadMessage('{} is longer than {} characters'.format(field, limits.MAX_SCALAR))
        value = _literal(field, value)
    if isinstance(value, (list, tuple, dict)):
        raise fields.wrong_type(field, 'one value', value)
    if isinstance(value, text):
        raise BadMessage('{} cannot be read'.format(field))
    return value


def _as_pair_text(field, value):
    if isinstance(value, (text, bytes)):
        return _encodable(field, fields.as_text(field, value))
    if isinstance(value, integers + (float,)) and not isinstance(value, bool):
        return text(_json.dumps(value))
    raise fields.wrong_type('{}: each name and value'.format(field), 'text or a number', value)


def _encodable(field, value):
    """Text without lone surrogates, which no encoding of HTTP can carry."""
    try:
        value.encode('utf-8')
    except UnicodeEncodeError:
        raise BadMessage('{} holds half of a surrogate pair'.format(field))
    return value


def _pairs(field, value, most=limits.MAX_PAIRS):
    """A dict, or a list of pairs, as a list of (text, text); a list as a value repeats the name."""
    if value is None:
        return None
    if not isinstance(value, (dict, list, tuple)):
        raise fields.wrong_type(field, 'a dict', value)
    left = _less(field, most, value, most)
    pairs = []
    for pair in value.items() if isinstance(value, dict) else value:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise BadMessage('{} must be a dict or a list of pairs'.format(field), wrong_type=True)
        name, contents = pair
        if not isinstance(contents, (list, tuple)):
            contents = (contents,)
        left = _less(field, left + 1, contents, most)
        for content in contents:
            if content is not None:
                pairs.append((_as_pair_text(field, name), _as_pair_text(field, content)))
    return pairs


def _less(field, left, items, most):
    """What is left of the `most` entries, with one kept for each of `items`."""
    if len(items) > left:
        raise BadMessage('{} has more than {} entries'.format(field, most))
    return left - len(items)


# --- the fields ------------------------------------------------------------------------------------


def _headers(message):
    most = limits.MAX_HEADERS
    pairs = _pairs('headers', _plain('headers', message, _pair_values(most)), most) or []
    # UTF-8 is what aiohttp 2 wrote, and what daphne writes for text.
    return fields.as_request_headers(
        'headers', [(name.encode('utf-8'), value.encode('utf-8')) for name, value in pairs]
    )


def _cookies(message):
    most = limits.MAX_COOKIES
    return _pairs('cookies', _plain('cookies', message, _pair_values(most)), most)


def _query(field, value):
    """A dict or its repr, or a query string."""
    if isinstance(value, text) and value.strip()[:1] in ('{', '[', '('):
        value = _literal(field, value)
    if not isinstance(value, text):
        return _pairs(field, value)
    if len(value) > limits.MAX_LITERAL:
        raise BadMessage('{} is longer than {} characters'.format(field, limits.MAX_LITERAL))
    if value.count('&') + value.count(';') >= limits.MAX_PAIRS:
        raise BadMessage('{} has more than {} entries'.format(field, limits.MAX_PAIRS))
    try:
        pairs = parse_query(_encodable(field, value))
    except ValueError:  # Python 3's own bound on fields
        raise BadMessage('{} is not a query string'.format(field))
    return _pairs(field, pairs)


def _data(message):
    """A form as pairs, or a body as bytes. A JSON text is a body, although some of them are reprs too."""
    value = _raw('data', message)
    if not isinstance(value, text):
        return _pairs('data', value) or None
    start = value[:1000].lstrip()
    if start[:1] in ('{', '[', '(') and not _is_json(value):
        try:
            return _pairs('data', literal(value)) or None
        except TooMuch as error:
            if _SURELY_A_REPR.match(start):  # to send it as it is would be no answer to a form
                raise BadMessage('data cannot be read: {}'.format(error))
        except NotLiteral:
            pass  # text that only begins like one
        except BadMessage as error:
            if not error.wrong_type:
                raise
    return _encodable('data', value).encode('utf-8')


def _is_json(value):
    if len(value) > limits.MAX_LITERAL:
        return False
    try:
        return bool(_json.loads(value))
    except (ValueError, RuntimeError):  # RuntimeError: nested too deep
        return False


def _encoded_json(message):
    """The JSON text, as bytes, of the value; text that is no repr is a JSON string."""
    value = _raw('json', message)
    if value is None:
        return None
    if isinstance(value, text):
        try:
            value = literal(value)
        except TooMuch as error:
            raise BadMessage('json cannot be read: {}'.format(error))
        except NotLiteral:
            pass
    _Size().add(value, limits.MAX_NESTING)
    try:
        encoded = _json.dumps(value, ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError):
        raise BadMessage('json cannot be written as JSON')
    return encoded if PY2 else encoded.encode('ascii')


class _Size(object):
    """Counts what there is to encode, and stops where it is too much."""

    def __init__(self):
        self._values = limits.MAX_VALUES
        self._characters = limits.MAX_LITERAL

    def add(self, value, depth):
        if isinstance(value, (dict, list, tuple)):
            if depth <= 0:
                raise BadMessage('json is nested deeper than {}'.format(limits.MAX_NESTING))
            self._values -= len(value)
            if self._values < 0:
                raise BadMessage('json has more than {} values'.format(limits.MAX_VALUES))
            for item in value:
                self.add(item, depth - 1)
                if isinstance(value, dict):
                    self.add(value[item], depth - 1)
        elif isinstance(value, (text, bytes)):
            self._characters -= len(value)
            if self._characters < 0:
                raise BadMessage('json is longer than {} characters'.format(limits.MAX_LITERAL))


def _auth(message):
    """(user, password) from a pair, or None."""
    value = _plain('auth', message, 3)
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise BadMessage('auth must be a pair of user and password')
    user, password = [_as_pair_text('auth', part) for part in value]
    return user, password
