"""The operation done in the view: status, headers and bytes as the server would answer."""

from __future__ import unicode_literals

import gzip
import io

import pytest
from inline_support import OK, ask, whole
from upstream_support import upstream

from channels_async import reading


def zipped(content):
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode='wb') as writer:
        writer.write(content)
    return packed.getvalue()


def pairs(response):
    return sorted((name.lower(), value) for name, value in response.items())


def test_status_headers_and_body_pass():
    answer = b'HTTP/1.1 418 Teapot\r\nContent-Type: text/x\r\nContent-Length: 2\r\nETag: "x"\r\n\r\nno'
    with upstream(answer) as server:
        response = ask(server.url)
        assert response.status_code == 418
        assert pairs(response) == [('content-length', '2'), ('content-type', 'text/x'), ('etag', '"x"')]
        assert whole(response) == b'no'


def test_an_answer_without_content_type_gets_none():
    with upstream(OK) as server:
        assert pairs(ask(server.url)) == [('content-length', '5'), ('x-up', '1')]


def test_duplicates_pass_until_somebody_sets_the_header():
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nLink: <a>\r\nX: y\r\nLink: <b>\r\nX: \xe9\r\n\r\n'
    with upstream(answer) as server:
        response = ask(server.url)
        assert pairs(response) == [
            ('content-length', '0'), ('link', '<a>'), ('link', '<b>'), ('x', 'y'),
            ('x', '\xe9' if str is not bytes else b'\xe9'),
        ]  # fmt: skip
        response['Link'] = '<c>'
        assert [value for name, value in pairs(response) if name == 'link'] == ['<c>']


def test_hop_by_hop_headers_and_cookies_of_a_third_party_stay_here():
    answer = (
        b'HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nSet-Cookie: a=1\r\n'
        b'Transfer-Encoding: chunked\r\nAlt-Svc: x\r\nX-End: 1\r\n\r\n5\r\nhello\r\n0\r\n\r\n'
    )
    with upstream(answer) as server:
        response = ask(server.url)
        assert pairs(response) == [('x-end', '1')]
        assert whole(response) == b'hello'


def test_gzip_is_untouched():
    packed = zipped(b'hello' * 1000)
    answer = b'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n' % len(packed) + packed
    with upstream(answer) as server:
        response = ask(server.url)
        assert response['Content-Encoding'] == 'gzip'
        assert response['Content-Length'] == str(len(packed))
        assert whole(response) == packed


def test_chunked_gzip_is_untouched():
    packed = zipped(b'hello' * 1000)
    answer = b'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n'
    answer += b'%x\r\n' % len(packed) + packed + b'\r\n0\r\n\r\n'
    with upstream(answer) as server:
        assert whole(ask(server.url)) == packed


def test_a_body_that_ends_with_the_connection():
    with upstream(b'HTTP/1.1 200 OK\r\n\r\nhello') as server:
        assert whole(ask(server.url)) == b'hello'


def test_a_large_body_comes_in_pieces():
    body = b'0123456789abcdef' * 65536
    with upstream(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % len(body) + body) as server:
        response = ask(server.url)
        chunks = list(response)
        response.close()
        assert b''.join(chunks) == body
        assert max(len(chunk) for chunk in chunks) <= reading.RECEIVED_AT_ONCE


@pytest.mark.parametrize(('browser', 'answer', 'length'), [
    ('HEAD', b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', '5'),
    ('GET', b'HTTP/1.1 204 No Content\r\n\r\n', None),
    ('GET', b'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', '5'),
])  # fmt: skip
def test_answers_without_a_body(browser, answer, length):
    with upstream(answer) as server:
        response = ask(server.url, browser)
        assert whole(response) == b''
        assert response.get('Content-Length') == length
        assert server.requests[0][0].startswith(browser)


def test_head_of_an_operation_that_posts_gets_no_content():
    with upstream(OK) as server:
        response = ask(server.url, 'HEAD', method='POST')
        assert whole(response) == b''
        assert server.requests[0][0].startswith('POST')


def test_the_request_is_sent_as_it_was_prepared():
    with upstream(OK) as server:
        whole(ask(
            server.url + 'p?x=1#fragment', method='POST', params={'q': 'a b'}, json={'k': 1},
            cookies={'c': '2'}, headers={'X-A': 'b'}, auth=('u', 'p'),
        ))  # fmt: skip
        line, headers, body = server.requests[0]
    assert line == 'POST /p?x=1&q=a+b HTTP/1.1'
    assert body == b'{"k": 1}'
    assert headers['content-length'] == '8'
    assert headers['content-type'] == 'application/json'
    assert headers['cookie'] == 'c=2'
    assert headers['x-a'] == 'b'
    assert headers['authorization'] == 'Basic dTpw'
    assert headers['user-agent'].startswith('channels-async/')
    assert headers['accept-encoding'] == 'identity'
    assert 'transfer-encoding' not in headers


def test_a_header_of_none_is_left_out():
    left_out = {'User-Agent': None, 'Accept': None, 'Accept-Encoding': None}
    with upstream(OK) as server:
        whole(ask(server.url, headers=left_out))
        assert not {'accept', 'accept-encoding', 'user-agent'} & set(server.requests[0][1])


@pytest.mark.parametrize(('method', 'length'), [('GET', None), ('POST', '0'), ('DELETE', None)])
def test_a_length_is_told_where_a_body_is_expected(method, length):
    with upstream(OK) as server:
        whole(ask(server.url, method=method))
        assert server.requests[0][1].get('content-length') == length


def test_a_file_is_uploaded():
    with upstream(OK) as server:
        whole(ask(server.url, method='POST', files={'f': ('h.txt', io.BytesIO(b'hello'))}))
        assert b'hello' in server.requests[0][2]


# --- redirects --------------------------------------------------------------------------------------


def redirecting(steps, final=OK):
    """Answers /0, /1 and so on with the steps: (status, location)."""
    def handler(request, connection):
        number = int(request[0].split(' ')[1].strip('/') or 0)
        if number < len(steps):
            status, location = steps[number]
            head = 'HTTP/1.1 {} Moved\r\nLocation: {}\r\nContent-Length: 4\r\nSet-Cookie: a=1\r\n\r\n'
            connection.sendall(head.format(status, location).encode('latin-1') + b'move')
        else:
            connection.sendall(final)

    return handler


def test_redirects_are_followed_by_the_rules():
    with upstream(redirecting([(307, '/1'), (302, '2')])) as server:
        assert whole(ask(server.url + '0', method='POST', data='x')) == b'hello'
        assert [(line.split(' ')[0], body) for line, _, body in server.requests] == [
            ('POST', b'x'), ('POST', b'x'), ('GET', b''),
        ]  # fmt: skip
        assert 'cookie' not in server.requests[1][1]
        assert 'content-type' not in server.requests[2][1]


def test_credentials_stay_with_their_origin():
    with upstream(OK) as other, upstream(redirecting([(302, '/1'), (302, other.url + '9')])) as server:
        assert whole(ask(server.url + '0', auth=('u', 'p'), cookies={'c': '1'})) == b'hello'
        assert 'authorization' in server.requests[1][1]
        assert 'cookie' in server.requests[1][1]
        assert 'authorization' not in other.requests[0][1]
        assert 'cookie' not in other.requests[0][1]


def test_a_redirect_that_is_not_to_be_followed_is_the_answer_with_its_body():
    with upstream(redirecting([(302, '/1')])) as server:
        response = ask(server.url + '0', allow_redirects=False)
        assert (response.status_code, response['Location']) == (302, '/1')
        assert whole(response) == b'move'
        assert len(server.requests) == 1


def test_a_304_and_a_300_without_location_are_answers():
    with upstream(b'HTTP/1.1 300 Choices\r\nContent-Length: 1\r\n\r\nx') as server:
        response = ask(server.url)
        assert (response.status_code, whole(response)) == (300, b'x')


@pytest.mark.parametrize(('steps', 'arguments', 'says'), [
    ([(302, '/0')], {'max_redirects': 3}, b'more than 3 redirects'),
    ([(302, '/1')], {'max_redirects': 0}, b'more than 0 redirects'),
    ([(302, 'ftp://example.org/')], {}, b'redirects to where it cannot be followed'),
    ([(302, 'http://[')], {}, b'redirects to where it cannot be followed'),
])  # fmt: skip
def test_a_redirect_that_cannot_be_followed_is_502(steps, arguments, says):
    with upstream(redirecting(steps)) as server:
        response = ask(server.url + '0', **arguments)
        assert response.status_code == 502
        assert says in whole(response)
