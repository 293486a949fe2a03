"""What functions return, and the response that it becomes, on the server as in the view (docs/call.rst).

tests/server and tests/client read this; Python 2.7 too, so `text` below is what Python 3 has as str.
"""

from __future__ import unicode_literals

import datetime
import decimal
import uuid

JSON = 'application/json'
TEXT = 'text/plain; charset=utf-8'
BYTES = 'application/octet-stream'
LINES = 'application/x-ndjson'

_UTC = type(str('UTC'), (datetime.tzinfo,), {
    'utcoffset': lambda self, when: datetime.timedelta(0), 'dst': lambda self, when: None,
    'tzname': lambda self, when: str('UTC'),
})()  # fmt: skip

#: (returned, status, headers but for Content-Length, body); Content-Length is the body's where there is one.
RETURNED = [
    ({'a': [1, 'caf\xe9', None, True, 1.5]}, 200, {'content-type': JSON},
     b'{"a": [1, "caf\\u00e9", null, true, 1.5]}'),
    ([], 200, {'content-type': JSON}, b'[]'),
    ([datetime.datetime(2020, 1, 2, 3, 4, 5, 678901, _UTC)], 200, {'content-type': JSON},
     b'["2020-01-02T03:04:05.678Z"]'),
    ([datetime.datetime(2020, 1, 2, 3, 4, 5)], 200, {'content-type': JSON}, b'["2020-01-02T03:04:05"]'),
    ([datetime.date(2020, 1, 2), datetime.time(3, 4, 5, 678901)], 200, {'content-type': JSON},
     b'["2020-01-02", "03:04:05.678"]'),
    ([datetime.timedelta(days=1, hours=2, microseconds=3), -datetime.timedelta(seconds=61)], 200,
     {'content-type': JSON}, b'["P1DT02H00M00.000003S", "-P0DT00H01M01S"]'),
    ([decimal.Decimal('1.50'), uuid.UUID(int=1)], 200, {'content-type': JSON},
     b'["1.50", "00000000-0000-0000-0000-000000000001"]'),
    ('caf\xe9 <script>', 200, {'content-type': TEXT}, b'caf\xc3\xa9 <script>'),
    ('', 200, {'content-type': TEXT}, b''),
    (b'\x89PNG', 200, {'content-type': BYTES}, b'\x89PNG'),
    (bytearray(b'ascii'), 200, {'content-type': BYTES}, b'ascii'),
    (None, 204, {}, b''),
    ((201, {'X-A': 'b', 'Location': '/there'}, {'id': 5}), 201,
     {'x-a': 'b', 'location': '/there', 'content-type': JSON}, b'{"id": 5}'),
    ((404, [], 'no'), 404, {'content-type': TEXT}, b'no'),
    ((200, [('Content-Type', 'text/html'), ('X-N', 3)], '<p>'), 200,
     {'content-type': 'text/html', 'x-n': '3'}, b'<p>'),
    ((200, {b'Content-Type': b'image/png', 'Content-Length': 99}, b'\x89'), 200,
     {'content-type': 'image/png'}, b'\x89'),
    ((302, {'Location': '/x'}, None), 302, {'location': '/x'}, b''),
    ((204, None, None), 204, {}, b''),
    ((304, {'ETag': '"x"'}, None), 304, {'etag': '"x"'}, b''),
    ((200, {'Set-Cookie': 'a=1', 'Strict-Transport-Security': 'max-age=1'}, 'x'), 200,
     {'set-cookie': 'a=1', 'strict-transport-security': 'max-age=1', 'content-type': TEXT}, b'x'),
    ((200, {'Connection': 'close', 'Transfer-Encoding': 'chunked', 'X-A': '1'}, 'x'), 200,
     {'x-a': '1', 'content-type': TEXT}, b'x'),
]  # fmt: skip

#: (items, headers of the tuple or None for no tuple, Content-Type, body).
STREAMED = [
    (['one ', 'two'], None, TEXT, b'one two'),
    ([b'\xff', 'text', bytearray(b'x')], None, BYTES, b'\xfftextx'),
    ([{'a': 1}, [2]], None, LINES, b'{"a": 1}\n[2]\n'),
    (['data: 1\n\n', '', 'data: 2\n\n'], {'Content-Type': 'text/event-stream'}, 'text/event-stream',
     b'data: 1\n\ndata: 2\n\n'),
    ([], None, None, b''),
]  # fmt: skip

#: What is no response, and words of the line in the log.
WRONG = [
    (5, ['int', 'may return a dict']), (True, ['bool']), (1.5, ['float']), ({1, 2}, ['set']),
    (object, ['type']),
    ((200, 'x'), ['a tuple of 2']), ((99, {}, 'x'), ['status', '99']), ((600, {}, 'x'), ['status', '600']),
    (('200', {}, 'x'), ['status']), ((200, 5, 'x'), ['headers']), ((200, {'X-A': object()}, 'x'), ['header']),
    ((200, {'X-A': 'a\r\nSet-Cookie: b'}, 'x'), ['control characters']),
    ((200, {'a b': 'c'}, 'x'), ['header name']),
    ((200, {'X-A': '\u20ac'}, 'x'), ['latin-1']), ((200, {}, (200, {}, 'x')), ['tuple']),
    ({'a': object()}, ['dict', 'no JSON', 'object']), ([float('nan')], ['no JSON']),
    ({'a': b'\xff'}, ['no JSON']),
    ({(1, 2): 3}, ['no JSON']),
]  # fmt: skip
