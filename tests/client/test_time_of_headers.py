"""What a hostile upstream puts into a header is read in a time that grows with its length, no faster.

Quadratic scanning of a million characters would not end within the test run.
"""

from __future__ import unicode_literals

import pytest

from channels_async import forward_rules, frame_rules, http_rules
from channels_async.reading import ResponseReader
from channels_async.wire import Forward

LENGTH = 1000000

FORWARD = Forward(
    method='GET', url='http://h/a', headers=[], body=None, body_channel=None, content_length=None,
    cookie_domain='x.test', location=('http://h/', '/x/'), retries=0, idempotent=False,
)  # fmt: skip

PARTS = [
    (b'', b'\xa0', b''), (b'', b' ', b'x'), (b'1', b' ', b'x'), (b'1;', b'\t', b'x'), (b'1;url', b' ', b'x'),
    (b'', b'1', b'x'), (b'', b';', b'x'), (b'', b',', b'x'), (b'a=b;', b' ', b'x'),
    (b'a=b; domain', b' ', b'x'),
    (b'', b'a=b;', b''), (b'', b'; domain=', b''), (b'', b'"', b''), (b'a="', b'\\', b''), (b'', b'/', b''),
    (b'', b'../', b''), (b'http://', b'@', b''), (b'http://', b'[', b''), (b'http://h/', b'%', b''),
    (b'', b'://', b''), (b'', b'a:', b''), (b'', b'?', b''), (b'', b'#', b''),
    (b'text/html;', b' ', b'charset'),
    (b'text/html', b'; charset', b''), (b'timeout', b' ', b'x'),
]  # fmt: skip
VALUES = [begin + middle * (LENGTH // len(middle)) + end for begin, middle, end in PARTS]
NAMES = [b'refresh', b'location', b'content-location', b'set-cookie', b'vary', b'connection']


@pytest.mark.parametrize('name', NAMES)
def test_the_headers_of_an_answer_are_made_in_linear_time(name):
    for value in VALUES:
        headers = forward_rules.response_headers(FORWARD, 200, [(name, value)], [])
        assert all(key == key.lower() for key, _ in headers)


def test_where_a_redirect_leads_is_found_in_linear_time():
    for value in VALUES:
        try:
            found = http_rules.redirect('GET', 'http://h/a', [], None, 302, value[:100000])
        except ValueError:
            continue
        assert found is None or found[1].startswith('http')


def test_a_frame_is_made_in_linear_time():
    for value in VALUES:
        assert frame_rules.answer_frame(200, [(b'content-type', value)], b'x', '1')


def test_a_head_is_read_in_linear_time():
    for value in VALUES:
        pieces = [b'HTTP/1.1 200 OK\r\nX: ' + value + b'\r\nContent-Length: 0\r\n\r\n']
        reader = ResponseReader(lambda size, pieces=pieces: pieces.pop(), 'GET', 2 * LENGTH, 0)
        reader.read_head()
        assert reader.headers[0] == (b'X', value.strip(b' \t'))
