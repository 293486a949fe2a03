"""Upstreams that fail, are late or never end: 502, 504, and nothing left behind."""

from __future__ import unicode_literals

import threading
import time

import pytest
from inline_support import LATE, OK, ask, whole
from upstream_support import refusing, upstream

from channels_async import fetching


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
        response = ask(server.url.replace('http:', 'https:'), deadline=30)
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
        for deadline in LATE:
            response = ask(server.url, deadline=deadline)
            if response.status_code == 200:
                break
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
        assert closed.wait(60)


def test_an_answer_without_a_body_closes_the_connection_at_once():
    closed = threading.Event()

    def handler(request, connection):
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n')
        while connection.recv(1):
            pass
        closed.set()

    with upstream(handler) as server:
        response = ask(server.url, 'HEAD')
        assert closed.wait(60)
        response.close()


def test_no_thread_is_left_behind():
    before = threading.active_count()
    with upstream(OK) as server:
        for _ in range(3):
            whole(ask(server.url))
    with refusing() as netloc:
        ask('http://{}/'.format(netloc))
    ends = time.time() + 60
    while threading.active_count() > before and time.time() < ends:
        threading.Event().wait(0.01)  # a cancelled timer needs a moment to end
    assert threading.active_count() <= before


def test_the_environment_has_no_say(monkeypatch):
    with upstream(OK) as server:
        monkeypatch.setenv(str('http_proxy'), str('http://127.0.0.1:1/'))
        monkeypatch.setenv(str('HTTP_PROXY'), str('http://127.0.0.1:1/'))
        assert whole(ask(server.url)) == b'hello'
