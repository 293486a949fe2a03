"""Upstreams whose answer is odd, too large or ambiguous: passed on or refused as the server does it."""

from __future__ import unicode_literals

import pytest
from inline_support import ask, whole
from upstream_support import upstream

from channels_async import fetching


@pytest.mark.parametrize('status', [299, 499, 599, 600, 799, 999])
def test_any_status_of_three_digits_is_passed_on(status):
    answer = 'HTTP/1.1 {} Odd\r\nContent-Length: 5\r\n\r\nhello'.format(status).encode('ascii')
    with upstream(answer) as server:
        response = ask(server.url)
        assert response.status_code == status
        assert response.reason_phrase.lower() == 'unknown status code'
        assert whole(response) == b'hello'


LENGTH = b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'
CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n'
CLOSE = b'HTTP/1.1 200 OK\r\n\r\nhello'


@pytest.mark.parametrize('answer', [LENGTH, CHUNKED, CLOSE])
@pytest.mark.parametrize('largest', [0, 5])
def test_a_body_within_the_limit_is_passed_on(answer, largest):
    with upstream(answer) as server:
        assert whole(ask(server.url, largest=largest)) == b'hello'


def test_a_body_that_is_announced_as_too_large_is_502():
    with upstream(LENGTH) as server:
        response = ask(server.url, largest=4)
        assert response.status_code == 502
        reason = "{}: the response's body is larger than 4 bytes".format(server.netloc)
        assert response.content.decode('ascii').split('\n')[1] == reason


def test_a_body_that_becomes_too_large_is_cut():
    with upstream(CHUNKED) as server:
        response = ask(server.url, largest=4)
        with pytest.raises(fetching.FetchError) as caught:
            list(response)
        response.close()
        assert (caught.value.status, 'larger than 4 bytes' in caught.value.reason) == (502, True)


@pytest.mark.parametrize(('method', 'answer'), [
    ('HEAD', LENGTH[:-5]), ('GET', b'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n'),
])  # fmt: skip
def test_the_length_of_a_body_that_does_not_come_is_no_matter(method, answer):
    with upstream(answer) as server:
        assert ask(server.url, method, largest=4).status_code in (200, 304)


@pytest.mark.parametrize('head', [
    b'X: a\0b', b'Content-Length: 5\r\nContent-Length: 6', b'Content-Length: 5\r\nContent-Length: 5',
    b'Content-Length: 5, 5', b'Content-Length: -5', b'Content-Length: +5', b'Content-Length: five',
    b'Content-Length:', b'Content-Length: 5\r\nTransfer-Encoding: chunked', b'Transfer-Encoding: gzip',
    b'Transfer-Encoding: gzip, chunked', b'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
])  # fmt: skip
@pytest.mark.parametrize('status', [b'200 OK', b'302 Found\r\nLocation: /elsewhere'])
def test_an_ambiguous_head_is_502(status, head):
    with upstream(b'HTTP/1.1 ' + status + b'\r\n' + head + b'\r\n\r\nhello') as server:
        response = ask(server.url)
        assert response.status_code == 502
        assert '{}: not a valid HTTP response'.format(server.netloc).encode('ascii') in response.content
        assert len(server.requests) == 1
