"""The low-level way: a consumer that passes its message."""

from __future__ import unicode_literals

import time

import pytest
import site_support
from channels.message import Message
from site_support import REPLY, STYLES, ChannelLayer, Site, configured, headers_of

from channels_async import wire
from channels_async.client.client import client

URL = 'https://example.org/'


def consume(consumer, layer=None, **request):
    site = Site(layer, consumer=consumer)
    return site.ask(**request)


def test_a_message_is_handed_off_at_once_and_nothing_is_returned():
    returned = []

    def consumer(message):
        returned.append(client.request(message, URL))
        assert message.channel_layer.receive_many(['request.async'])[0] == 'request.async'
        returned.append(client.request(message, URL))

    operations, replies = consume(consumer)
    assert (len(operations), replies, returned) == (1, [], [None, None])
    operation = wire.parse(operations[0], 0.0)
    assert (operation.reply_channel, operation.reply_format) == (REPLY, 'http')
    assert operation.response_headers == []


def test_method_and_accept_encoding_come_from_the_message():
    operations, _ = consume(
        lambda message: client.request(message, URL), method='HEAD', headers=[(b'accept-encoding', b'br')])
    operation = wire.parse(operations[0], 0.0)
    assert (operation.details.method, operation.head) == ('HEAD', True)
    assert (b'Accept-Encoding', b'br') in operation.details.headers


def test_the_content_of_a_message_goes_to_the_default_layer():
    from channels import channel_layers

    layer = channel_layers['default']
    consume(lambda message: client.request(message.content, URL))
    name, operation = layer.receive_many(['request.async'])
    assert name == 'request.async'
    assert operation['reply_channel'] == REPLY


def test_a_full_channel_is_answered_503():
    layer = ChannelLayer(capacity=1)
    layer.send('request.async', {'in': 'the way'})
    with configured(STYLES[0], [], CHANNELS_ASYNC_CLIENT={'SEND_TIMEOUT': 0.01}):
        _, replies = consume(lambda message: client.request(message, URL), layer)
    assert replies[0]['status'] == 503
    assert headers_of(replies[0])['retry-after'] == ['1']


def test_wrong_arguments_are_errors_in_the_consumer():
    def consumer(message):
        with pytest.raises(ValueError):
            client.request(message, 'no url')
        with pytest.raises(TypeError):
            client.request(message, URL, colour='red')

    assert consume(consumer) == ([], [])


def test_a_message_without_a_reply_channel_is_refused():
    message = Message({'path': '/'}, 'http.request', Site().layer)
    with pytest.raises(ValueError) as caught:
        client.request(message, URL)
    assert 'reply_channel' in str(caught.value)


def test_a_message_that_another_consumer_passed_on_may_be_answered():
    site = Site()
    message = Message({str('reply_channel'): REPLY}, 'mine', site.layer)
    client.request(message, URL)
    assert len(site.operations()) == 1
    assert site_support.settings.configured


def test_a_consumer_tells_the_servers_that_its_browser_has_gone():
    layer = ChannelLayer()
    content = {str('reply_channel'): str('daphne.response.x!y'), 'order': 3}
    message = Message(content, 'websocket.disconnect', layer)
    before = time.time()
    assert client.cancel(message) is None
    name, told = layer.receive_many(['request.async.cancel'])
    assert name == 'request.async.cancel'
    assert before <= told.pop('sent_at') <= time.time()
    assert told == {'reply_channel': 'daphne.response.x!y'}


def test_a_channel_that_is_full_of_cancellations_harms_no_consumer():
    layer = ChannelLayer(capacity=1)
    layer.send('async.mine.cancel', {'in': 'the way'})
    message = Message({'reply_channel': REPLY}, 'websocket.disconnect', layer)
    with configured(STYLES[0], [], CHANNELS_ASYNC_CLIENT={'SEND_TIMEOUT': 0.01, 'CHANNEL': 'async.mine'}):
        client.cancel(message)
    assert layer.receive_many(['async.mine.cancel'])[1] == {'in': 'the way'}


def test_without_a_server_there_is_nothing_to_cancel():
    layer = ChannelLayer()
    with configured(STYLES[0], [], CHANNELS_ASYNC=False):
        client.cancel(Message({'reply_channel': REPLY}, 'websocket.disconnect', layer))
    assert layer.receive_many(['request.async.cancel']) == (None, None)


def test_only_the_message_of_a_browser_can_be_cancelled():
    with pytest.raises(TypeError):
        client.cancel('daphne.response.x!y')
    with pytest.raises(ValueError):
        client.cancel(Message({'path': '/'}, 'websocket.disconnect', ChannelLayer()))
