"""`reply_to`: the answer goes to a channel of the project's own, or nowhere; the method returns an id."""

from __future__ import unicode_literals

import django
import pytest
import site_support
from channels import channel_layers
from channels.channel import Channel, Group
from channels.message import Message
from django.db import transaction
from django.http import HttpResponse
from django.test import RequestFactory
from inline_support import OK
from site_support import REPLY, STYLES, URL, ChannelLayer, Site, configured, only_reply
from upstream_support import upstream

from channels_async import wire
from channels_async.client.client import NotSent, client

HAS_ON_COMMIT = django.VERSION >= (1, 9)
RESULT = 'process.result'


@pytest.fixture(autouse=True)
def nothing_waits():
    """The layer that is the process's default begins empty."""
    drain(channel_layers['default'], 'request.async')
    with configured(STYLES[-1], [], CHANNELS_ASYNC_CLIENT={'SEND_TIMEOUT': 0.01}):
        yield


def drain(layer, channel):
    found = []
    while True:
        name, message = layer.receive_many([channel])
        if name is None:
            return found
        found.append(message)


def parsed(operations):
    assert len(operations) == 1
    return wire.parse(operations[0], 0.0)


def view_that(ids, **arguments):
    def view(request):
        ids.append(client.request(request, URL, **arguments))
        return HttpResponse('on it')

    return view


@pytest.mark.parametrize(('reply_to', 'channel', 'form'), [(RESULT, RESULT, 'message'), (None, None, 'none')])
def test_a_view_goes_on_and_the_answer_goes_elsewhere(reply_to, channel, form):
    ids = []
    operations, replies = Site().ask(
        view_that(ids, reply_to=reply_to), headers=[(b'accept-encoding', b'gzip')])
    operation = parsed(operations)
    assert (operation.reply_channel, operation.reply_format) == (channel, form)
    assert ids == [operation.id]
    assert operation.response_headers == []
    assert dict(operation.details.headers)[b'Accept-Encoding'] == b'identity'
    assert [reply['content'] for reply in replies] == [b'on it']


def test_head_is_the_browsers_and_not_that_of_the_channel():
    operations, _ = Site().ask(view_that([], reply_to=RESULT), method='HEAD')
    operation = parsed(operations)
    assert (operation.head, operation.details.method) == (False, 'GET')


def test_a_consumer_goes_on_too_also_one_that_nobody_could_answer():
    site = Site()
    ids = [
        client.request(Message({'reply_channel': REPLY}, 'mine', site.layer), URL, reply_to=RESULT),
        client.request(Message({}, 'mine', site.layer), URL, reply_to=RESULT),
    ]
    operations = site.operations()
    assert [operation['id'] for operation in operations] == ids
    assert {operation['reply_channel'] for operation in operations} == {RESULT}


@pytest.mark.parametrize('asking', [None, 'wsgi'])
def test_without_a_channel_of_its_own_it_goes_on_the_default_layer(asking):
    request = None if asking is None else RequestFactory().get('/')
    ids = [client.request(request, URL, reply_to=RESULT), client.request(request, URL, reply_to=None)]
    operations = drain(channel_layers['default'], 'request.async')
    assert [operation['id'] for operation in operations] == ids
    assert [operation['reply_format'] for operation in operations] == ['message', 'none']


def test_a_channel_can_be_given_as_channels_has_it_and_in_another_form():
    client.request(None, URL, reply_to=Channel(RESULT))
    client.request(None, URL, reply_to=str(REPLY), reply_format='websocket')
    operations = drain(channel_layers['default'], 'request.async')
    assert [(each['reply_channel'], each['reply_format']) for each in operations] == [
        (RESULT, 'message'), (REPLY, 'websocket')]


@pytest.mark.parametrize(('reply_to', 'more', 'error', 'said'), [
    (5, {}, TypeError, 'reply_to'), ([RESULT], {}, TypeError, 'reply_to'),
    (Group('browsers'), {}, TypeError, 'not Group'),
    ('no channel', {}, ValueError, 'reply_to'), ('', {}, ValueError, 'reply_to'),
    ('request.async', {}, ValueError, 'operations arrive'),
    ('other.async', {}, ValueError, 'operations arrive'),
    (None, {'reply_format': 'message'}, ValueError, 'no answer'),
    (RESULT, {'reply_format': 'none'}, ValueError, 'http, websocket, message'),
])  # fmt: skip
def test_a_wrong_destination_is_named_at_once(reply_to, more, error, said):
    settings = {'CHANNEL': 'other.async'}
    with configured(STYLES[-1], [], CHANNELS_ASYNC_CLIENT=settings), pytest.raises(error) as caught:
        client.request(None, URL, reply_to=reply_to, **more)
    assert said in str(caught.value)


def test_nobody_can_be_answered_only_elsewhere():
    with pytest.raises(TypeError) as caught:
        client.request(None, URL)
    assert 'reply_to' in str(caught.value)
    with pytest.raises(ValueError):
        client.request(RequestFactory().get('/'), URL, reply_format='websocket')


@pytest.mark.parametrize(('arguments', 'expected'), [
    ({}, (0, False)), ({'retries': 2, 'idempotent': True}, (2, True)),
])
def test_retries_are_asked_for(arguments, expected):
    client.request(None, URL, reply_to=None, **arguments)
    details = parsed(drain(channel_layers['default'], 'request.async')).details
    assert (details.retries, details.idempotent) == expected
    with pytest.raises(ValueError):
        client.request(None, URL, reply_to=None, retries=11)


# --- transactions -------------------------------------------------------------------------------------


@pytest.mark.skipif(not HAS_ON_COMMIT, reason='Django 1.8 cannot tell when a transaction is committed')
def test_in_a_transaction_it_leaves_when_that_is_committed():
    layer = channel_layers['default']
    with transaction.atomic():
        id = client.request(None, URL, reply_to=RESULT)
        with transaction.atomic():
            client.request(None, URL, reply_to=None)
        assert drain(layer, 'request.async') == []
    assert [operation['id'] for operation in drain(layer, 'request.async')][:1] == [id]


@pytest.mark.skipif(not HAS_ON_COMMIT, reason='Django 1.8 cannot tell when a transaction is committed')
def test_what_is_rolled_back_is_never_sent():
    def view(request):
        client.request(request, URL, reply_to=RESULT)
        raise RuntimeError('ATOMIC_REQUESTS rolls back')

    assert only_reply(Site().ask(view))['status'] == 500


@pytest.mark.skipif(HAS_ON_COMMIT, reason='later Djangos can wait')
def test_django_1_8_sends_at_once():
    with transaction.atomic():
        client.request(None, URL, reply_to=RESULT)
        assert len(drain(channel_layers['default'], 'request.async')) == 1


# --- a layer that does not take it --------------------------------------------------------------------


class Down(ChannelLayer):
    def send(self, channel, message):
        if channel == 'request.async':
            raise IOError('connection refused to s3cret.internal')
        super(Down, self).send(channel, message)


def full_layer():
    layer = ChannelLayer(capacity=1)
    layer.send('request.async', {'in': 'the way'})
    return layer


@pytest.mark.parametrize(('make', 'said'), [(full_layer, 'waiting'), (Down, 'cannot be passed on')])
def test_what_cannot_be_sent_is_an_error_that_can_be_caught(make, said):
    site = Site(make())
    with pytest.raises(NotSent) as caught:
        client.request(Message({}, 'mine', site.layer), URL, reply_to=None)
    assert said in str(caught.value)
    assert 's3cret' not in str(caught.value)


def test_in_a_view_it_is_an_error_of_the_request():
    operations, replies = Site(Down()).ask(view_that([], reply_to=None))
    assert (operations, [reply['status'] for reply in replies]) == ([], [500])


# --- CHANNELS_ASYNC = False ---------------------------------------------------------------------------


def results_of(answer, **arguments):
    layer = channel_layers['default']
    with upstream(answer) as server, configured(STYLES[-1], [], CHANNELS_ASYNC=False):
        id = client.request(None, server.url, **arguments)
        asked = len(server.requests)
    found = drain(layer, RESULT)
    assert drain(layer, 'request.async') == []
    assert asked == 1
    return id, found


def test_done_here_the_channel_gets_the_answer():
    id, (result,) = results_of(OK, reply_to=RESULT)
    assert (result['id'], result['operation'], result['index'], result['status']) == (id, 'REQUEST', 0, 200)
    assert (result['content'], result['more_content']) == (b'hello', False)
    assert [b'x-up', b'1'] in result['headers']
    assert 'error' not in result


def test_done_here_a_large_answer_comes_in_pieces_that_each_say_what_they_are():
    size = 3 * wire.MAX_CHUNK // 2
    id, results = results_of(
        b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % size + b'x' * size, reply_to=RESULT)
    assert b''.join(result['content'] for result in results) == b'x' * size
    assert [result['index'] for result in results] == list(range(len(results)))
    assert [result['more_content'] for result in results] == [True] * (len(results) - 1) + [False]
    assert {(result['id'], result['status']) for result in results} == {(id, 200)}
    assert max(len(result['content']) for result in results) <= wire.MAX_CHUNK


def test_done_here_errors_say_so():
    for answer in (b'garbage\r\n\r\n', b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome'):
        _, (result,) = results_of(answer, reply_to=RESULT)
        assert (result['status'], result['index'], result['more_content']) == (502, 0, False)
        assert result['error'].encode('utf-8') in result['content']
        assert [b'cache-control', b'no-store'] in result['headers']


def test_done_here_an_error_after_the_first_piece_is_a_piece_that_says_so():
    size = wire.MAX_CHUNK + 1
    _, (some, error) = results_of(
        b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % (size + 1) + b'x' * size, reply_to=RESULT)
    assert (some['status'], some['more_content'], 'error' in some) == (200, True, False)
    assert (error['status'], error['index'], error['content']) == (502, 1, b'')
    assert (error['more_content'], bool(error['error'])) == (False, True)


def test_done_here_for_nobody_it_is_done():
    id, results = results_of(OK, reply_to=None)
    assert results == []
    assert len(id) == 32
    assert site_support.settings.configured
