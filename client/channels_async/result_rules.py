"""What a function's return value is as an HTTP response; shared by the server and the inline form.

    dict, list            200, application/json, with the types that Django's JSON encoder knows
    text                  200, text/plain; charset=utf-8: nothing in it can become a script of the site
    bytes, bytearray      200, application/octet-stream
    None                  204
    (status, headers, body)  headers a dict or a list of pairs; body any of the above, or a stream
    a generator or an iterator, also an async one  200, a stream: each item text, bytes, or a dict or list,
                          which is a line of JSON
    response of Django    its status, headers, cookies and content, streaming or not

Pure functions, but for what the value itself does when it is read: a template is rendered, an iterator asked.
"""

from __future__ import unicode_literals

import datetime
import decimal
import json
import re
import uuid

from channels_async import http_rules
from channels_async._py23 import PY2, integers, text
from channels_async.wire import fields
from channels_async.wire.model import BadMessage

try:
    from collections.abc import Mapping
except ImportError:  # Python 2
    from collections import Mapping

JSON_TYPE = b'application/json'
TEXT_TYPE = b'text/plain; charset=utf-8'
BYTES_TYPE = b'application/octet-stream'
LINES_TYPE = b'application/x-ndjson'

#: What a tuple may have as its status: final ones that RFC 9110 section 15 knows.
STATUSES = range(200, 600)

_ASCII = re.compile(br'[\x00-\x7f]*\Z')
#: Python 2 would take bytes for UTF-8, which Python 3 refuses.
_AS_PYTHON_3 = {str('encoding'): 'ascii'} if PY2 else {}

_MAY_RETURN = (
    'it may return a dict, a list, text, bytes, None, (status, headers, body), a generator'
    ' or a response of Django'
)


class NoResponse(TypeError):
    """A return value that is no response. The text names its type, no content of it."""


class NamedLength(object):
    """Holds a stream to the Content-Length that its headers name, if any.

    Of what is more, the rest would be taken for the beginning of the next answer; for what is missing, the
    browser would wait on a connection that stays open.
    """

    def __init__(self, headers):
        """headers  list of (bytes lower-case name, bytes value): all that go out"""
        named = [value for name, value in headers if name == b'content-length']
        self._left = int(named[0]) if named else None

    def take(self, content):
        """Count bytes that are about to go out. Raises NoResponse."""
        if self._left is not None:
            self._left -= len(content)
            if self._left < 0:
                raise NoResponse('more than the Content-Length that it named')

    def end(self):
        """Raises NoResponse where something is missing."""
        if self._left:
            raise NoResponse('{} bytes less than the Content-Length that it named'.format(self._left))


class Answer(object):
    """A return value, understood.

    status   int
    headers  list of (bytes lower-case name, bytes value), checked
    content  bytes: all of it; None for a stream
    stream   None, or an iterator or async iterator of what `item` takes; it is for the owner to close
    close    None, or a function to be called when all is sent
    """

    __slots__ = ('close', 'content', 'headers', 'status', 'stream')

    def __init__(self, status, headers, content=None, stream=None, close=None):
        self.status = status
        self.headers = headers
        self.content = content
        self.stream = stream
        self.close = close


def answer(value):
    """The Answer that a return value is. Raises NoResponse, and whatever reading the value raises."""
    if hasattr(value, 'status_code') and hasattr(value, 'items'):
        return _of_django(value)
    if isinstance(value, tuple):
        return _of_tuple(value)
    if value is None:
        return Answer(204, [], b'')
    return _of_body(200, [], value)


def item(value):
    """One item of a stream as text or bytes. Raises NoResponse."""
    value = native_text(value)
    if not isinstance(value, (text, bytes)) and lazy(value):
        value = text(value)
    if isinstance(value, (text, bytes)):
        return value
    if isinstance(value, bytearray):
        return bytes(value)
    if isinstance(value, (dict, list)):
        return to_json(value) + '\n'
    raise NoResponse('an item of a stream must be text, bytes, a dict or a list, not {}'.format(_kind(value)))


def stream_headers(found, first):
    """The headers of the Answer `found`, a stream, with a Content-Type by its first item if they have none.

    first  a list of the first item, before `item` was applied; an empty one for a stream without any
    """
    if has(found.headers, b'content-type') or not first:
        return found.headers
    kind = LINES_TYPE if isinstance(first[0], (dict, list)) else _type_of(native_text(first[0]))
    return found.headers + [(b'content-type', kind)]


def response_headers(status, headers, site_headers):
    """The headers that go to the browser, as a list of (bytes lower-case name, bytes value).

    headers       of an Answer
    site_headers  list of (bytes, bytes): what views and middleware put on the response

    A function is the site's own, so its cookies and policies go out, which those of an upstream do not. What
    the site has put on the response replaces the function's, but Vary and Set-Cookie are the union of both.
    """
    if not site_headers and status == 200 and len(headers) == 2:
        (first, _), (second, length) = headers
        if first == b'content-type' and second == b'content-length' and length.isdigit():
            return headers  # nearly all: there is nothing to decide
    policies = [pair for pair in headers if pair[0] in http_rules.NOT_FOR_THE_SITE]
    if not policies:
        return http_rules.response_headers(status, headers, site_headers)
    of_site = set(name.lower() for name, _ in site_headers)
    added = [pair for pair in policies if pair[0] == b'set-cookie' or pair[0] not in of_site]
    rest = [pair for pair in headers if pair[0] not in http_rules.NOT_FOR_THE_SITE]
    return http_rules.response_headers(status, rest, added + list(site_headers))


def has(headers, name):
    """Whether a list of (bytes, bytes) has that lower-case name."""
    return any(known == name for known, _ in headers)


def to_json(value):
    """The JSON text of a value: ASCII, as JsonResponse has it, but no NaN, which no browser reads."""
    try:
        return text(json.dumps(value, default=_plain, allow_nan=False, **_AS_PYTHON_3))
    except (TypeError, ValueError, OverflowError) as error:
        raise NoResponse('{} that is no JSON: {}'.format(_kind(value), error))


def native_text(value):
    """A value as Python 3 has it: a str of Python 2 that is ASCII is text; all others are as they are."""
    if PY2 and isinstance(value, bytes) and _ASCII.match(value):
        return value.decode('ascii')
    return value


def lazy(value):
    """Whether a value is one of Django's lazy texts, such as a translation; Django may not be installed."""
    return any(
        kind.__name__ == 'Promise' and kind.__module__ == 'django.utils.functional'
        for kind in type(value).__mro__
    )


def _of_django(response):
    if getattr(response, 'is_rendered', True) is False:
        response.render()
    pairs = list(response.items())
    # Not output(header=''), whose value begins with a space.
    pairs += [('Set-Cookie', cookie.OutputString()) for cookie in response.cookies.values()]
    headers = _headers(pairs)
    status, close = _status(response.status_code), getattr(response, 'close', None)
    if getattr(response, 'streaming', False):
        return Answer(status, headers, stream=iter(response.streaming_content), close=close)
    return _complete(status, headers, response.content, close)


def _of_tuple(value):
    if len(value) != 3:
        raise NoResponse('a tuple of {}; {}'.format(len(value), _MAY_RETURN))
    status, headers, body = value
    status, headers = _status(status), _headers(headers)
    if body is None:
        return _complete(status, headers, b'')
    return _of_body(status, headers, body)


def _of_body(status, headers, body):
    body = native_text(body)
    if isinstance(body, (dict, list)):
        return _typed(status, headers, JSON_TYPE, to_json(body).encode('ascii'))
    if not isinstance(body, (text, bytes)) and lazy(body):
        body = text(body)
    if isinstance(body, text):
        return _typed(status, headers, TEXT_TYPE, body.encode('utf-8', 'replace'))
    if isinstance(body, (bytes, bytearray)):
        return _typed(status, headers, BYTES_TYPE, bytes(body))
    if hasattr(body, '__aiter__') or hasattr(body, 'next' if PY2 else '__next__'):
        return Answer(status, headers, stream=body)
    raise NoResponse('{}; {}'.format(_kind(body), _MAY_RETURN))


def _typed(status, headers, kind, content):
    if not headers and status == 200:
        return Answer(200, [(b'content-type', kind), (b'content-length', b'%d' % len(content))], content)
    if not has(headers, b'content-type'):
        headers = headers + [(b'content-type', kind)]
    return _complete(status, headers, content)


def _complete(status, headers, content, close=None):
    """The length is that of the content, whatever somebody has said."""
    headers = [pair for pair in headers if pair[0] != b'content-length']
    if status not in (204, 304):
        headers.append((b'content-length', b'%d' % len(content)))
    return Answer(status, headers, content, close=close)


def _type_of(value):
    return TEXT_TYPE if isinstance(value, text) or lazy(value) else BYTES_TYPE


def _status(value):
    if isinstance(value, bool) or not isinstance(value, integers) or value not in STATUSES:
        raise NoResponse('a status must be a number from 200 to 599, not {}'.format(
            value if isinstance(value, integers) else _kind(value)))
    return int(value)


def _headers(value):
    """From a dict, pairs or None; names and values text or bytes, values also numbers."""
    if value is None:
        return []
    try:
        pairs = [(name, each) for name, each in (value.items() if isinstance(value, Mapping) else value)]
    except (TypeError, ValueError):
        raise NoResponse('headers must be a dict or a list of pairs, not {}'.format(_kind(value)))
    try:
        checked = fields.as_headers('headers', [[_header(part) for part in pair] for pair in pairs])
    except BadMessage as error:
        raise NoResponse(error.reason)
    # Who sends it says how it is sent.
    lowered = [(name.lower(), content) for name, content in checked]
    return [pair for pair in lowered if pair[0] not in http_rules.HOP_BY_HOP]


def _header(part):
    if isinstance(part, bytes):
        return part
    if lazy(part) or (isinstance(part, integers) and not isinstance(part, bool)):
        part = text(part)
    if not isinstance(part, text):
        raise NoResponse('a header must be text, bytes or a number, not {}'.format(_kind(part)))
    try:
        return part.encode('latin-1')
    except UnicodeEncodeError:
        raise NoResponse('a header holds characters that are not latin-1')


def _plain(value):
    """What JSON has no type for, as Django writes it (django/core/serializers/json.py:DjangoJSONEncoder)."""
    if isinstance(value, datetime.datetime):
        written = value.isoformat()
        if value.microsecond:
            written = written[:23] + written[26:]  # as ECMA-262 has it: milliseconds
        return written[:-6] + 'Z' if written.endswith('+00:00') else written
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.time):
        if value.tzinfo is not None:
            raise ValueError('a time with a zone')
        return value.isoformat()[:12]
    if isinstance(value, datetime.timedelta):
        return _duration(value)
    if isinstance(value, (decimal.Decimal, uuid.UUID)) or lazy(value):
        return text(value)
    raise TypeError('{} is not serializable'.format(_kind(value)))


def _duration(value):
    """ISO 8601, as django/utils/duration.py writes it."""
    sign, value = ('-', -value) if value < datetime.timedelta(0) else ('', value)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = '.{:06d}'.format(value.microseconds) if value.microseconds else ''
    return '{}P{}DT{:02d}H{:02d}M{:02d}{}S'.format(sign, value.days, hours, minutes, seconds, fraction)


def _kind(value):
    """A value's type, for an error text."""
    kind = type(value)
    if kind.__module__ in ('builtins', '__builtin__'):
        return 'a value of type {}'.format(kind.__name__)
    return 'a value of type {}.{}'.format(kind.__module__, kind.__name__)
