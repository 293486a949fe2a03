"""The operation done in the view: status, headers and bytes as the server would answer."""

from __future__ import unicode_literals

import gzip
import io
import threading
import time

import pytest
import site_support
from django.test import RequestFactory
from site_support import EVERYTHING, REPLY, STYLES, ChannelLayer, Site, configured, headers_of
from upstream_support import refusing, upstream

from channels_async import fetching
from channels_async.client.client import client

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Up: 1\r\n\r\nhello'


def zipped(content):
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode='wb') as writer:
        writer.write(content)
    return packed.getvalue()


def ask(url, browser='GET', deadline=None, **arguments):
    """The response of client.request in a view under WSGI."""
    server = {'DEADLINES': {'REQUEST': deadline}} if deadline else {}
    request = RequestFactory().generic(str(browser), str('/'))
    with configured(STYLES[-1], [], CHANNELS_ASYNC_SERVER=server):
        return client.request(request, url, **arguments)


def whole(response):
    try:
        return b''.join(response)
    finally:
        response.close()


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
        assert max(len(chunk) for chunk in chunks) <= fetching.CHUNK


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


# --- failures ---------------------------------------------------------------------------------------


def test_an_upstream_that_refuses_is_502():
    with refusing() as netloc:
        response = ask('http://{}/secret?token=1'.format(netloc))
    assert response.status_code == 502
    lines = response.content.decode('ascii').split('\n')
    assert lines[:2] == ['502 Bad Gateway', '{}: cannot connect: Connection refused'.format(netloc)]
    assert lines[2].startswith('operation ')
    assert b'token' not in response.content
    assert response['Content-Type'] == 'text/plain; charset=utf-8'
    assert response['Cache-Control'] == 'no-store'


def test_a_host_that_does_not_resolve_is_502():
    response = ask('http://does-not-exist.invalid/')
    assert response.status_code == 502
    assert b'cannot resolve the host' in response.content


@pytest.mark.parametrize('answer', [
    b'', b'garbage\r\n\r\n', b'HTTP/1.1 abc\r\n\r\n', b'SSH-2.0-OpenSSH\r\n',
    b'HTTP/1.1 103 Early Hints\r\n\r\n', b'HTTP/1.1 101 Switching Protocols\r\n\r\n',
])  # fmt: skip
def test_an_upstream_that_speaks_no_http_is_502(answer):
    with upstream(answer) as server:
        response = ask(server.url)
        assert response.status_code == 502
        assert server.netloc.encode('ascii') in response.content


def test_an_upstream_that_speaks_no_tls_is_502():
    with upstream(OK) as server:
        response = ask(server.url.replace('http:', 'https:'), deadline=10)
        assert response.status_code == 502
        assert b'TLS failed' in response.content


def test_an_error_for_a_head_has_no_content():
    with refusing() as netloc:
        response = ask('http://{}/'.format(netloc), 'HEAD')
    assert (response.status_code, response.content) == (502, b'')


def late(before):
    """An upstream that writes something and then nothing, until the test ends."""
    def handler(request, connection):
        connection.sendall(before)
        while connection.recv(1):
            pass

    return handler


@pytest.mark.parametrize('before', [b'', b'HTTP/1.1 200 OK\r\nX-Slow: '])
def test_an_upstream_that_is_late_is_504(before):
    with upstream(late(before)) as server:
        response = ask(server.url, deadline=0.3)
        assert response.status_code == 504
        assert b"longer than the operation's deadline" in response.content


def test_a_timeout_of_the_caller_shortens_the_deadline():
    with upstream(late(b'')) as server:
        assert ask(server.url, timeout=0.3, deadline=3600).status_code == 504


def test_a_timeout_of_the_caller_cannot_lengthen_the_deadline():
    with upstream(late(b'')) as server:
        assert ask(server.url, timeout=3600, deadline=0.3).status_code == 504


def dripping(head, piece):
    """An upstream that never lets a second pass without a byte, and never ends."""
    def handler(request, connection):
        connection.sendall(head)
        while True:
            connection.sendall(piece)
            stopped.wait(0.02)

    stopped = threading.Event()
    return handler


@pytest.mark.parametrize('head', [b'HTTP/1.1 200 OK\r\nX-Slow: ', b'HTTP/1.1 200 OK\r\n'])
def test_bytes_that_drip_do_not_prolong_the_deadline(head):
    piece = b'X: y\r\n' if head.endswith(b'\n') else b'x'
    with upstream(dripping(head, piece)) as server:
        assert ask(server.url, deadline=0.4).status_code == 504


def test_a_body_that_drips_is_cut_at_the_deadline_and_under_wsgi_the_browser_sees_it():
    with upstream(dripping(b'HTTP/1.1 200 OK\r\n\r\n', b'x')) as server:
        response = ask(server.url, deadline=0.4)
        with pytest.raises(fetching.FetchError) as caught:
            list(response)
        response.close()
        assert caught.value.status == 504


@pytest.mark.parametrize('answer', [
    b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello',
    b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhe',
])  # fmt: skip
def test_a_body_that_is_cut_short_under_wsgi_is_an_error(answer):
    with upstream(answer) as server:
        response = ask(server.url)
        assert response.status_code == 200
        with pytest.raises(fetching.FetchError) as caught:
            list(response)
        response.close()
        assert caught.value.status == 502


def test_closing_the_response_closes_the_connection():
    closed = threading.Event()

    def handler(request, connection):
        connection.sendall(b'HTTP/1.1 200 OK\r\n\r\nhello')
        while connection.recv(1):
            pass
        closed.set()

    with upstream(handler) as server:
        ask(server.url).close()
        assert closed.wait(10)


def test_an_answer_without_a_body_closes_the_connection_at_once():
    closed = threading.Event()

    def handler(request, connection):
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n')
        while connection.recv(1):
            pass
        closed.set()

    with upstream(handler) as server:
        response = ask(server.url, 'HEAD')
        assert closed.wait(10)
        response.close()


def test_no_thread_is_left_behind():
    before = threading.active_count()
    with upstream(OK) as server:
        for _ in range(3):
            whole(ask(server.url))
    with refusing() as netloc:
        ask('http://{}/'.format(netloc))
    ends = time.time() + 10
    while threading.active_count() > before and time.time() < ends:
        threading.Event().wait(0.01)  # a cancelled timer needs a moment to end
    assert threading.active_count() <= before


def test_the_environment_has_no_say(monkeypatch):
    with upstream(OK) as server:
        monkeypatch.setenv(str('http_proxy'), str('http://127.0.0.1:1/'))
        monkeypatch.setenv(str('HTTP_PROXY'), str('http://127.0.0.1:1/'))
        assert whole(ask(server.url)) == b'hello'


# --- among the middleware, and under channels -------------------------------------------------------


@pytest.fixture(params=STYLES)
def style(request):
    return request.param


def test_djangos_test_client_gets_the_answer(style):
    from django.test import Client

    with upstream(OK) as server:
        site_support.current['view'] = lambda request: client.request(request, server.url)
        with configured(style, EVERYTHING):
            response = Client(HTTP_ACCEPT_ENCODING='identity').get('/')
    assert response.status_code == 200
    assert b''.join(response.streaming_content) == b'hello'
    assert response['X-Up'] == '1'
    assert response['X-Frame-Options'] == 'SAMEORIGIN'


def test_middleware_does_not_encode_or_measure_the_content(style):
    from django.test import Client

    body = b'x' * 1000
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: "v1"\r\n\r\n' + body
    with upstream(answer) as server:
        site_support.current['view'] = lambda request: client.request(
            request, server.url, headers={'Accept-Encoding': 'identity'})
        with configured(style, EVERYTHING, USE_ETAGS=True):
            response = Client(HTTP_ACCEPT_ENCODING='gzip').get('/')
    assert b''.join(response.streaming_content) == body
    assert response['Content-Length'] == '1000'
    assert response['ETag'] == '"v1"'
    assert 'Content-Encoding' not in response


class Encoding(site_support.MiddlewareMixin):
    """One that does not look whether there is an encoding already."""

    def process_response(self, request, response):
        response.streaming_content = (part.upper() for part in response.streaming_content)
        response['Content-Encoding'] = 'upper'
        del response['Content-Length']
        response['Content-Length'] = '99'
        return response


def test_middleware_cannot_announce_an_encoding_that_the_content_does_not_have(style):
    from django.test import Client

    with upstream(OK) as server:
        site_support.current['view'] = lambda request: client.request(request, server.url)
        with configured(style, ['test_inline.Encoding']):
            response = Client().get('/')
    assert b''.join(response.streaming_content) == b'hello'
    assert response['Content-Length'] == '5'
    assert 'Content-Encoding' not in response


def inline_under_channels(url, style, method='GET', deadline=30, **arguments):
    others = {'CHANNELS_ASYNC': False, 'CHANNELS_ASYNC_SERVER': {'DEADLINES': {'REQUEST': deadline}}}
    with configured(style, EVERYTHING, **others):
        view = lambda request: client.request(request, url, **arguments)  # noqa: E731
        return Site().ask(view, method=method, headers=[(b'host', b'a')])


def test_with_channels_async_false_the_view_answers_itself(style):
    with upstream(OK) as server:
        operations, replies = inline_under_channels(server.url, style)
    assert operations == []
    assert (replies[0]['status'], headers_of(replies[0])['x-up']) == (200, ['1'])
    assert b''.join(reply.get('content', b'') for reply in replies) == b'hello'
    assert [reply['more_content'] for reply in replies][-1] is False


def test_a_head_under_channels_is_one_message_without_content(style):
    """Later chunks would be written raw (daphne/http_protocol.py:261)."""
    with upstream(OK) as server:
        _, replies = inline_under_channels(server.url, style, method='HEAD')
    assert len(replies) == 1
    assert not replies[0].get('content')


def test_a_body_that_is_cut_short_under_channels_just_ends(style):
    """An exception would leave the browser waiting for daphne's timeout."""
    with upstream(b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello') as server:
        _, replies = inline_under_channels(server.url, style)
    assert b''.join(reply.get('content', b'') for reply in replies) == b'hello'
    assert headers_of(replies[0])['content-length'] == ['50']
    assert replies[-1]['more_content'] is False


def consume(url, layer=None, **request):
    others = {'CHANNELS_ASYNC': False, 'CHANNELS_ASYNC_SERVER': {'DEADLINES': {'REQUEST': 5}}}
    with configured(STYLES[-1], [], **others):
        return Site(layer, consumer=lambda message: client.request(message, url)).ask(**request)


def test_a_consumer_answers_on_the_reply_channel():
    with upstream(OK) as server:
        operations, replies = consume(server.url)
    assert operations == []
    assert replies[0]['status'] == 200
    assert headers_of(replies[0])['x-up'] == ['1']
    assert b''.join(reply.get('content', b'') for reply in replies) == b'hello'


def test_a_consumer_answers_an_upstream_that_fails():
    with refusing() as netloc:
        _, replies = consume('http://{}/'.format(netloc))
    assert (replies[0]['status'], replies[0]['more_content']) == (502, False)


def test_a_consumer_whose_layer_fails_does_not_raise(caplog):
    class Down(ChannelLayer):
        def send(self, channel, message):
            if channel == REPLY:
                raise IOError('down')
            super(Down, self).send(channel, message)

    with upstream(OK) as server:
        assert consume(server.url, Down()) == ([], [])
    assert [record.name for record in caplog.records] == ['channels_async.client']


def test_the_errors_of_arguments_are_the_same_inline():
    for arguments in ({'timeout': 0}, {'url': 'no url'}, {'headers': {'X': 'a\r\nb'}}):
        with pytest.raises(ValueError):
            ask(**dict({'url': 'http://127.0.0.1:1/'}, **arguments))
    with pytest.raises(TypeError):
        ask('http://127.0.0.1:1/', colour='red')


def test_offloading_again_needs_only_the_setting(style):
    with configured(style, [], CHANNELS_ASYNC=True):
        operations, replies = Site().ask(lambda request: client.request(request, 'https://example.org/'))
    assert (len(operations), replies) == (1, [])
