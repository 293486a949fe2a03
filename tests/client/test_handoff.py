"""The hand-off through a real worker: what goes out, in which order, and what is closed."""

from __future__ import unicode_literals

import base64
import io
import json
import os
import sqlite3

import msgpack
import pytest
import site_support
from channels.signals import consumer_finished
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.signals import got_request_exception, request_finished, request_started
from django.db import connection
from site_support import REPLY, URL, Site, configured, hand_off, one_operation, only_reply

from channels_async import handoff, wire
from channels_async.client.client import client

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'data')


class Recorded(object):
    """What happened, in order, as signals and others tell it."""

    def __init__(self):
        self.events = []
        self._receivers = []

    def listen(self, signal, name):
        def receiver(**_):
            self.events.append(name)

        self._receivers.append((signal, receiver))
        signal.connect(receiver)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for signal, receiver in self._receivers:
            signal.disconnect(receiver)


def test_the_worker_sends_the_operation_and_nothing_else(plain):
    message = one_operation(Site().ask(hand_off))
    operation = wire.parse(message, message['sent_at'])
    assert operation.details.url == URL
    assert operation.reply_channel == REPLY
    assert operation.reply_format == 'http'
    assert operation.sent_at == message['sent_at']


def recorded_requests():
    with io.open(os.path.join(DATA, 'daphne-requests-python2.json'), encoding='utf-8') as stored:
        entries = json.load(stored)
    return [(entry['name'], base64.b64decode(entry['http_request_base64'])) for entry in entries]


@pytest.mark.parametrize(('name', 'packed'), recorded_requests())
def test_what_daphne_really_sends_can_be_answered(everything, name, packed):
    try:
        request = msgpack.unpackb(packed, raw=False)
    except TypeError:  # msgpack-python before 0.5.2
        request = msgpack.unpackb(packed, encoding='utf-8')
    site = Site()
    site_support.current['view'] = hand_off
    site.layer.send('http.request', request)
    site.work()
    operation = wire.parse(one_operation((site.operations(), site.replies())), 0.0)
    assert operation.reply_channel == request['reply_channel']
    assert operation.head is (request['method'] == 'HEAD')


def test_events_come_in_order_and_each_once(plain):
    with Recorded() as recorded:
        for signal, name in [
            (request_started, 'request_started'), (request_finished, 'request_finished'),
            (got_request_exception, 'exception'), (consumer_finished, 'consumer_finished'),
        ]:  # fmt: skip
            recorded.listen(signal, name)
        one_operation(Site().ask(hand_off))
    assert recorded.events == ['request_started', 'request_finished', 'consumer_finished']


def test_a_receiver_of_request_finished_that_fails_does_not_keep_the_operation_here(plain):
    def fail(**_):
        raise RuntimeError('a receiver failed')

    request_finished.connect(fail)
    try:
        one_operation(Site().ask(hand_off))
    finally:
        request_finished.disconnect(fail)


def test_the_transaction_of_the_view_is_visible_before_the_operation_is(style):
    with connection.cursor() as cursor:
        cursor.execute('create table if not exists seen (id text)')
        cursor.execute('delete from seen')
    connection.close()
    visible = []

    class Watching(site_support.ChannelLayer):
        def send(self, channel, message):
            if channel == 'request.async':
                with sqlite3.connect(site_support.DATABASE) as other:
                    visible.append(other.execute('select count(*) from seen').fetchone()[0])
            return super(Watching, self).send(channel, message)

    def view(request):
        assert connection.in_atomic_block
        with connection.cursor() as cursor:
            cursor.execute("insert into seen values ('a')")
        return client.request(request, URL)

    with configured(style, []):
        one_operation(Site(Watching()).ask(view))
    assert visible == [1]
    with sqlite3.connect(site_support.DATABASE) as other:
        assert other.execute('select count(*) from seen').fetchone()[0] == 1


def test_database_connections_are_closed_as_after_any_request(plain):
    def view(request):
        with connection.cursor() as cursor:
            cursor.execute('select 1')
        assert connection.connection is not None
        return client.request(request, URL)

    connection.settings_dict['CONN_MAX_AGE'] = 0
    one_operation(Site().ask(view))
    assert connection.connection is None


def test_uploaded_files_are_closed(style):
    uploaded = []

    def view(request):
        uploaded.append(request.FILES['f'])
        return client.request(request, URL, method='POST', files={'f': request.FILES['f']})

    body = (
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="h.txt"\r\n'
        b'Content-Type: text/plain\r\n\r\nhello\r\n--x--\r\n'
    )
    handlers = ['django.core.files.uploadhandler.TemporaryFileUploadHandler']
    with configured(style, [], FILE_UPLOAD_HANDLERS=handlers):
        message = one_operation(Site().ask(
            view, method='POST', body=body, headers=[
                (b'content-type', b'multipart/form-data; boundary=x'), (b'content-length', b'%d' % len(body)),
            ],
        ))  # fmt: skip
    assert isinstance(uploaded[0], TemporaryUploadedFile)
    assert uploaded[0].closed
    assert b'hello' in message['body']


def test_the_pending_messages_of_the_view_are_sent_as_usual(plain):
    from channels import Channel

    site = Site()

    def view(request):
        Channel('mine', channel_layer=site.layer).send({'a': 1})
        return client.request(request, URL)

    one_operation(site.ask(view))
    assert site.layer.receive_many(['mine']) == ('mine', {'a': 1})


def test_a_view_that_fails_hands_nothing_off(plain):
    def view(request):
        client.request(request, URL)
        raise RuntimeError('the view failed')

    assert only_reply(Site().ask(view))['status'] == 500


@pytest.mark.parametrize('asked', ['HEAD', 'head'])
def test_head_is_handed_off_as_head(everything, asked):
    operation = wire.parse(one_operation(Site().ask(hand_off, method=asked, headers=[(b'host', b'a')])), 0.0)
    assert operation.details.method == 'HEAD'
    assert operation.head is True


def test_head_of_an_operation_that_posts_says_that_the_answer_has_no_content(plain):
    def view(request):
        return client.request(request, URL, method='POST')

    message = one_operation(Site().ask(view, method='HEAD'))
    operation = wire.parse(message, 0.0)
    assert operation.details.method == 'POST'
    assert operation.head is True


def test_the_browsers_own_accept_encoding_goes_upstream(plain):
    message = one_operation(Site().ask(hand_off, headers=[(b'accept-encoding', b'br, gzip')]))
    assert [b'Accept-Encoding', b'br, gzip'] in message['headers']
    message = one_operation(Site().ask(hand_off))
    assert [b'Accept-Encoding', b'identity'] in message['headers']


def test_native_text_of_python_2_becomes_text_on_the_layer(plain):
    def view(request):
        return client.request(
            request, str('https://example.org/'), method=str('POST'), headers={str('X-A'): str('b')},
            data={str('k'): str('v')}, cookies={str('c'): str('d')},
        )  # fmt: skip

    message = one_operation(Site().ask(view))
    for key, value in message.items():
        assert isinstance(key, type(''))
        if key in ('operation', 'id', 'reply_channel', 'reply_format', 'url', 'method'):
            assert isinstance(value, type('')), key
    assert message['body'] == b'k=v'
    assert [b'X-A', b'b'] in message['headers']


def test_a_response_is_true_and_streams(plain):
    """Django tests the truth of responses, and takes the length of those that do not stream."""
    responses = []

    def view(request):
        responses.append(client.request(request, URL))
        return responses[0]

    one_operation(Site().ask(view))
    assert responses[0]
    assert responses[0].streaming
    assert not hasattr(responses[0], '__len__')


def test_a_function_consumer_that_encodes_the_response_itself_hands_off_too(plain):
    from channels.handler import AsgiHandler, AsgiRequest

    def consumer(message):
        for part in AsgiHandler.encode_response(client.request(AsgiRequest(message), URL)):
            message.reply_channel.send(part)

    one_operation(Site(consumer=consumer).ask())


def test_the_exception_has_a_run_that_does_nothing():
    """That of the base class raises, and the worker calls it outside of any try (channels/worker.py:126)."""
    assert handoff.HandedOff().run(None) is None
