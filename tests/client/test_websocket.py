"""A consumer of a WebSocket: what it asks for comes back as frames, whoever does it."""

from __future__ import unicode_literals

import json

import pytest
from channels.message import Message
from inline_support import OK
from site_support import REPLY, STYLES, ChannelLayer, Site, configured
from upstream_support import upstream

from channels_async import inline, wire
from channels_async.client.client import client
from channels_async.inline import forms
from channels_async.inline.response import InlineResponse

URL = 'https://example.org/'

CONNECT = {
    'reply_channel': REPLY, 'path': '/', 'query_string': b'', 'order': 0, 'client': ['127.0.0.1', 4],
    'server': ['127.0.0.1', 80], 'headers': [[b'host', b'h'], [b'accept-encoding', b'gzip']],
}  # fmt: skip
RECEIVE = {'reply_channel': REPLY, 'path': '/', 'order': 1, 'text': 'hello'}


def message(content=RECEIVE, channel='websocket.receive', site=None):
    return Message(dict(content), channel, (site or Site()).layer)


def operation_of(site):
    operations = site.operations()
    assert len(operations) == 1
    return wire.parse(operations[0], 0.0)


@pytest.mark.parametrize(('content', 'channel'), [
    (RECEIVE, 'websocket.receive'), (CONNECT, 'websocket.connect'), (RECEIVE, 'passed.on'),
])
def test_the_answer_is_frames_without_being_asked_for(content, channel):
    site = Site()
    assert client.request(message(content, channel, site), URL) is None
    operation = operation_of(site)
    assert (operation.reply_format, operation.reply_channel, operation.head) == ('websocket', REPLY, False)
    # A frame could not say how its content is compressed.
    assert dict(operation.details.headers)[b'Accept-Encoding'] == b'identity'


def test_the_content_of_a_message_is_recognised_too():
    from channels import channel_layers

    client.request(dict(RECEIVE), URL)
    name, operation = channel_layers['default'].receive_many(['request.async'])
    assert (name, operation['reply_format']) == ('request.async', 'websocket')


def test_another_form_can_be_asked_for():
    site = Site()
    client.request(message({'reply_channel': REPLY}, 'mine', site), URL, reply_format='websocket')
    assert operation_of(site).reply_format == 'websocket'
    with pytest.raises(ValueError) as caught:
        client.request(message(), URL, reply_format='carrier pigeon')
    assert 'http, websocket, message' in str(caught.value)


def test_a_full_channel_is_told_in_a_frame():
    layer = ChannelLayer(capacity=1)
    layer.send('request.async', {'in': 'the way'})
    site = Site(layer)
    with configured(STYLES[0], [], CHANNELS_ASYNC_CLIENT={'SEND_TIMEOUT': 0.01}):
        client.request(message(site=site), URL)
    frame, = site.replies()
    assert set(frame) == {'text'}
    said = json.loads(frame['text'])
    assert (said['status'], said['retry_after']) == (503, 1)
    assert 'waiting' in said['error']


def frames_of(answer, capacity=100, **arguments):
    """What lies on the reply channel after a request to an upstream that answers so, done in the consumer."""
    site = Site(capacity=capacity)
    with upstream(answer) as server, configured(STYLES[0], [], CHANNELS_ASYNC=False):
        assert client.request(message(site=site), server.url, **arguments) is None
    return site.replies()


TEXT = b'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello'


def test_done_in_the_consumer_the_answer_is_a_frame():
    assert frames_of(OK) == [{'bytes': b'hello'}]
    assert frames_of(TEXT) == [{'text': 'hello'}]
    assert frames_of(b'HTTP/1.1 204 No Content\r\n\r\n') == []


def test_done_in_the_consumer_an_upstream_that_fails_is_a_frame():
    frame, = frames_of(b'garbage\r\n\r\n')
    assert json.loads(frame['text'])['status'] == 502
    cut, = frames_of(TEXT[:-2])
    assert json.loads(cut['text'])['status'] == 502


def test_done_in_the_consumer_a_frame_has_the_same_bound():
    size = 1024 * 1024 + 1
    frame, = frames_of(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % size + b'x' * size)
    assert json.loads(frame['text'])['status'] == 502
    size -= 1
    assert frames_of(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % size + b'x' * size) == [
        {'bytes': b'x' * size}]


class Broken(Exception):
    """What a generator raises."""


def stream(each, breaks):
    yield 'one'
    yield b'two'
    yield ''
    if breaks:
        raise Broken()
    yield 'three'


@pytest.mark.parametrize(('each', 'breaks', 'expected'), [
    (True, False, [{'text': 'one'}, {'bytes': b'two'}, {'text': 'three'}]),
    (True, True, [{'text': 'one'}, {'bytes': b'two'}, 'error']),
    (False, False, [{'text': 'onetwothree'}]),
    (False, True, ['error']),
])
def test_a_stream_of_items_done_here_is_a_frame_each(monkeypatch, each, breaks, expected):
    def respond(operation, deadline, can_abort):
        headers = [(b'content-type', b'text/plain')]
        return InlineResponse(200, headers, stream(each, breaks), items=each)

    monkeypatch.setitem(inline.RESPOND, 'REQUEST', respond)
    site = Site(capacity=100)
    fields = {'operation': 'REQUEST', 'id': 'abc', 'url': URL, 'reply_format': 'websocket'}
    forms.answer(site.layer, REPLY, fields)
    frames = site.replies()
    if breaks:
        assert json.loads(frames[-1]['text']) == {'error': 'the operation failed', 'status': 500, 'id': 'abc'}
        frames[-1] = 'error'
    assert frames == expected
