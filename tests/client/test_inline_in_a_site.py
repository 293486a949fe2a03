"""The operation done in the view among middleware, under channels, and in consumers."""

from __future__ import unicode_literals

import pytest
import site_support
from inline_support import OK, ask
from site_support import EVERYTHING, REPLY, STYLES, ChannelLayer, Site, configured, headers_of
from upstream_support import refusing, upstream

from channels_async.client.client import client
from channels_async.inline.response import BREAK


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
        with configured(style, ['test_inline_in_a_site.Encoding']):
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


def test_a_body_that_is_cut_short_under_channels_breaks_the_connection_and_ends(style):
    """An exception would leave the browser waiting; so would the end alone, where it knows the length."""
    with upstream(b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello') as server:
        _, replies = inline_under_channels(server.url, style)
    assert [reply.get('content', b'') for reply in replies] == [b'hello', BREAK, b'']
    assert headers_of(replies[0])['content-length'] == ['50']
    assert [reply['more_content'] for reply in replies] == [True, True, False]


def consume(url, layer=None, **request):
    others = {'CHANNELS_ASYNC': False, 'CHANNELS_ASYNC_SERVER': {'DEADLINES': {'REQUEST': 30}}}
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
