"""client.forward() done in the view: under WSGI, in Django's test client, with CHANNELS_ASYNC = False."""

from __future__ import unicode_literals

import pytest
from site_support import STYLES, Site, configured, http_request
from upstream_support import refusing, upstream

from channels_async.client.client import client

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Up: 1\r\n\r\nhello'


def wsgi(method='GET', path='/', body=b'', content_type='application/octet-stream', **meta):
    from django.test import RequestFactory  # after site_support, which makes it importable

    meta = {str(name): value for name, value in meta.items()}
    request = RequestFactory().generic(str(method), str(path), body, str(content_type), **meta)
    return request


def whole(response):
    try:
        return b''.join(response)
    finally:
        response.close()


def forward(request, url, **arguments):
    with configured(STYLES[-1], []):
        return client.forward(request, url, **arguments)


def pairs(response):
    return sorted((name.lower(), value) for name, value in response.items())


def test_the_request_goes_on_as_it_is():
    request = wsgi(
        'PUT', '/api/x%20y?q=%2F', b'\x00\xff', HTTP_X_A='1', HTTP_COOKIE='a=1', HTTP_HOST='example.com:81',
        HTTP_X_FORWARDED_FOR='1.1.1.1', HTTP_CONNECTION='X-Hop', HTTP_X_HOP='1', REMOTE_ADDR='10.0.0.9',
        SERVER_PORT='81',
    )  # fmt: skip
    with upstream(OK) as server:
        response = forward(request, server.url + 'v1/', mount='/api/')
        assert (response.status_code, whole(response)) == (200, b'hello')
        [(line, headers, body)] = server.requests
    assert (line, body) == ('PUT /v1/x%20y?q=%2F HTTP/1.1', b'\x00\xff')
    assert 'x-hop' not in headers
    expected = {
        'host': server.netloc, 'content-length': '2', 'content-type': 'application/octet-stream',
        'cookie': 'a=1', 'x-a': '1', 'x-forwarded-for': '1.1.1.1, 10.0.0.9', 'x-forwarded-proto': 'http',
        'x-forwarded-host': 'example.com:81', 'x-forwarded-port': '81', 'via': '1.1 channels-async',
    }  # fmt: skip
    assert {name: value for name, value in headers.items() if name in expected} == expected


def test_nothing_is_said_in_the_browsers_name():
    with upstream(OK) as server:
        whole(forward(wsgi(), server.url))
        [(_, headers, _)] = server.requests
    assert not {'accept', 'accept-encoding', 'user-agent'} & set(headers)


def test_the_upstreams_cookies_and_redirects_are_the_sites():
    answer = (
        b'HTTP/1.1 302 Found\r\nLocation: /v1/login\r\nSet-Cookie: a=1; Domain=backend\r\n'
        b'Set-Cookie: b=2\r\nContent-Length: 0\r\n\r\n'
    )
    with upstream(answer) as server:
        response = forward(wsgi(path='/api/x'), server.url + 'v1/', mount='/api/', cookie_domain='a.example')
        assert response.status_code == 302
        assert pairs(response) == [
            ('content-length', '0'), ('location', '/api/login'), ('set-cookie', 'a=1; Domain=a.example'),
            ('set-cookie', 'b=2'),
        ]  # fmt: skip
        assert len(server.requests) == 1


@pytest.mark.parametrize(('method', 'answer', 'status', 'body'), [
    ('GET', b'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 1-2/9\r\nContent-Length: 2\r\n\r\nbc',
     206, b'bc'),
    ('GET', b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n', 304, b''),
    ('HEAD', b'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n', 200, b''),
])  # fmt: skip
def test_ranges_conditions_and_head(method, answer, status, body):
    with upstream(answer) as server:
        response = forward(wsgi(method, HTTP_RANGE='bytes=1-2', HTTP_IF_NONE_MATCH='"x"'), server.url)
        assert (response.status_code, whole(response)) == (status, body)
        line, headers, _ = server.requests[0]
        assert line.startswith(method)
        assert (headers['range'], headers['if-none-match']) == ('bytes=1-2', '"x"')


def test_a_body_that_was_read_goes_on():
    request = wsgi('POST', body=b'a=1', content_type='application/x-www-form-urlencoded')
    assert request.POST['a'] == '1'
    assert request.body == b'a=1'
    with upstream(OK) as server:
        whole(forward(request, server.url))
        assert server.requests[0][2] == b'a=1'


def test_a_body_above_the_bound_of_forms_goes_on_and_can_be_read_later():
    request = wsgi('POST', body=b'x' * 3000)
    with upstream(OK) as server, configured(STYLES[-1], [], DATA_UPLOAD_MAX_MEMORY_SIZE=1000):
        whole(client.forward(request, server.url))
        assert server.requests[0][2] == b'x' * 3000
        assert request.body == b'x' * 3000


def test_a_form_whose_body_is_gone_says_what_to_do():
    body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nabc\r\n--x--\r\n'
    request = wsgi('POST', body=body, content_type='multipart/form-data; boundary=x')
    assert request.FILES['f'].read() == b'abc'
    with pytest.raises(ValueError) as raised:
        forward(request, 'http://backend/')
    assert 'csrf_exempt' in str(raised.value)


def test_a_request_that_cannot_go_on_is_answered():
    response = forward(wsgi('G@T'), 'http://backend/')
    assert response.status_code == 501
    assert b'operation ' in response.content


def test_an_upstream_that_fails_is_a_502():
    with refusing() as netloc:
        assert forward(wsgi(), 'http://{}/'.format(netloc)).status_code == 502


# --- in a consumer, with CHANNELS_ASYNC = False ------------------------------------------------------


def consumed(url, content, chunks=()):
    """The replies to a message whose body lies on a channel."""
    site = Site(consumer=lambda message: client.forward(message, url))
    for chunk in chunks:
        site.layer.send('http.request.body?abc', chunk)
    content['body_channel'] = 'http.request.body?abc'
    with configured(STYLES[-1], [], CHANNELS_ASYNC=False):
        site.layer.send('http.request', content)
        site.work()
    return site.replies()


def test_a_body_on_a_channel_is_gathered():
    chunks = [{'content': b'two, ', 'more_content': True}, {'content': b'three', 'more_content': False}]
    with upstream(OK) as server:
        replies = consumed(server.url, http_request('POST', body=b'one, '), chunks)
        assert server.requests[0][2] == b'one, two, three'
        assert server.requests[0][1]['content-length'] == '15'
    assert b''.join(reply.get('content', b'') for reply in replies) == b'hello'


def test_a_body_whose_browser_has_gone_is_not_sent():
    with upstream(OK) as server:
        chunks = [{'content': b'two', 'more_content': True}, {'closed': True}]
        replies = consumed(server.url, http_request('POST', body=b'one'), chunks)
        assert server.requests == []
    assert [reply['status'] for reply in replies if 'status' in reply] == [400]
