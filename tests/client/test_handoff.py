"""The hand-off through a real worker, with all the middleware that comes with Django."""

from __future__ import unicode_literals

import base64
import io
import json
import logging
import os
import sqlite3

import django
import msgpack
import pytest
import site_support
from channels.signals import consumer_finished
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.signals import got_request_exception, request_finished, request_started
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from site_support import EVERYTHING, REPLY, STYLES, Site, configured, headers_of

from channels_async import handoff, wire
from channels_async.client.client import client

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'data')
URL = 'https://example.org/a?b=c'
HOST = (b'host', b'example.com')
GZIP = (b'accept-encoding', b'gzip')


@pytest.fixture(params=STYLES)
def style(request):
    return request.param


@pytest.fixture
def everything(style):
    with configured(style, EVERYTHING, USE_ETAGS=True, SECURE_CONTENT_TYPE_NOSNIFF=True):
        yield


@pytest.fixture
def plain(style):
    with configured(style, []):
        yield


def hand_off(request):
    return client.request(request, URL)


def one_operation(outcome):
    operations, replies = outcome
    assert replies == []
    assert len(operations) == 1
    return operations[0]


def only_reply(outcome):
    operations, replies = outcome
    assert operations == []
    assert len(replies) == 1
    return replies[0]


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


def test_it_passes_all_the_middleware_of_django(everything):
    from django.contrib import messages
    from django.middleware.csrf import get_token
    from django.utils import translation

    def view(request):
        request.session['seen'] = 1
        get_token(request)
        messages.info(request, 'hello')
        translation.activate('de')
        response = client.request(request, URL)
        response['X-View'] = 'yes'
        response.set_cookie('mine', 'a b')
        return response

    asked = [(b'accept-encoding', b'gzip'), (b'accept-language', b'de'), (b'host', b'example.com')]
    message = one_operation(Site().ask(view, headers=asked))
    headers = headers_of(message)
    cookies = sorted(cookie.partition('=')[0] for cookie in headers['set-cookie'])
    assert {'csrftoken', 'mine', 'sessionid'} <= set(cookies)
    assert not any(cookie.startswith(' ') for cookie in headers['set-cookie'])
    assert headers['x-view'] == ['yes']
    assert headers['x-frame-options'] == ['SAMEORIGIN']
    assert headers['x-content-type-options'] == ['nosniff']
    assert 'Cookie' in headers['vary'][0]
    assert 'content-language' in headers
    for name in ('content-type', 'content-encoding', 'content-length', 'date', 'etag'):
        assert name not in headers


def test_nothing_is_logged(everything, caplog):
    with caplog.at_level(logging.WARNING):
        one_operation(Site().ask(hand_off, headers=[GZIP, HOST]))
    assert caplog.records == []


def test_the_worker_goes_on(everything):
    site = Site()
    for _ in range(3):
        one_operation(site.ask(hand_off, headers=[HOST]))
    assert only_reply(site.ask(lambda request: HttpResponse(b'x')))['content'] == b'x'


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


def failing_in_response(get_response):
    def middleware(request):
        get_response(request)
        raise RuntimeError('a middleware failed')

    return middleware


class FailingInResponse(object):
    def process_response(self, request, response):
        raise RuntimeError('a middleware failed')


def test_a_middleware_that_fails_hands_nothing_off(style):
    name = 'failing_in_response' if style == 'MIDDLEWARE' else 'FailingInResponse'
    with configured(style, ['test_handoff.' + name]):
        assert only_reply(Site().ask(hand_off))['status'] == 500


def test_a_middleware_that_answers_something_else_wins(style):
    with configured(style, ['test_handoff.Replacing']):
        reply = only_reply(Site().ask(hand_off))
    assert (reply['status'], reply['content']) == (200, b'replaced')


class Replacing(site_support.MiddlewareMixin):
    def process_response(self, request, response):
        return HttpResponse(b'replaced')


class ChangingStatus(site_support.MiddlewareMixin):
    def process_response(self, request, response):
        response.status_code = 202
        return response


class ChangingStatusBelow(ChangingStatus):
    pass


def test_a_status_that_somebody_changed_is_an_answer_and_a_correct_one(style):
    middleware = ['django.middleware.gzip.GZipMiddleware', 'test_handoff.ChangingStatus']
    with configured(style, middleware):
        reply = only_reply(Site().ask(hand_off, headers=[(b'accept-encoding', b'gzip')]))
    assert reply['status'] == 202
    assert not reply.get('content')
    assert reply['more_content'] is False
    assert set(headers_of(reply)) <= {'vary'}


class Noting(object):
    """A middleware of the old kind that would turn an exception into a response."""

    exceptions = []  # noqa: RUF012 - shared, for Django makes the instance

    def process_exception(self, request, exception):
        self.exceptions.append(exception)
        return HttpResponse(b'caught', status=500)


def noting(get_response):
    class NewNoting(Noting):
        def __call__(self, request):
            return get_response(request)

    return NewNoting()


def test_process_exception_does_not_see_it(style):
    del Noting.exceptions[:]
    with configured(style, ['test_handoff.' + ('noting' if style == 'MIDDLEWARE' else 'Noting')]):
        one_operation(Site().ask(hand_off))
    assert Noting.exceptions == []


@pytest.mark.parametrize('asked', [
    (b'if-none-match', b'"v1"'), (b'if-modified-since', b'Sat, 01 Jan 2050 00:00:00 GMT'),
])  # fmt: skip
def test_a_304_of_conditional_get_wins(everything, asked):
    def view(request):
        response = client.request(request, URL)
        response['ETag'] = '"v1"'
        response['Last-Modified'] = 'Sat, 01 Jan 2000 00:00:00 GMT'
        return response

    reply = only_reply(Site().ask(view, headers=[asked, GZIP, HOST]))
    assert reply['status'] == 304
    assert not reply.get('content')
    assert reply['more_content'] is False
    assert 'content-encoding' not in headers_of(reply)
    if django.VERSION >= (1, 11):  # older ones answer without it
        assert headers_of(reply)['etag'] == ['"v1"']


def test_an_etag_of_the_view_goes_along_unchanged(everything):
    def view(request):
        response = client.request(request, URL)
        response['ETag'] = '"v1"'
        return response

    asked = [GZIP, HOST]
    assert headers_of(one_operation(Site().ask(view, headers=asked)))['etag'] == ['"v1"']


def test_a_content_type_of_the_view_goes_along(everything):
    def view(request):
        response = client.request(request, URL)
        response['Content-Type'] = 'application/x-mine'
        return response

    message = one_operation(Site().ask(view, headers=[HOST]))
    assert headers_of(message)['content-type'] == ['application/x-mine']


class Rewrapping(site_support.MiddlewareMixin):
    def process_response(self, request, response):
        return StreamingHttpResponse(response.streaming_content)


def test_content_that_a_middleware_put_into_a_response_of_its_own_is_handed_off(style):
    with configured(style, ['test_handoff.Rewrapping']):
        one_operation(Site().ask(hand_off))


class Rewriting(site_support.MiddlewareMixin):
    def process_response(self, request, response):
        response.streaming_content = (part.upper() for part in response.streaming_content)
        return response


def test_a_middleware_that_wraps_the_content_finds_none(style):
    with configured(style, ['test_handoff.Rewriting']):
        one_operation(Site().ask(hand_off))


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


def test_the_layer_is_that_of_the_message_whatever_the_default_is(plain):
    from channels import channel_layers

    site = Site(alias='other')
    assert channel_layers['default'].channel_layer is not site.layer.channel_layer
    one_operation(site.ask(hand_off))
    assert channel_layers['default'].receive_many(['request.async']) == (None, None)


def test_the_layer_may_be_the_private_one_of_live_server_tests(plain):
    """channels/test/liveserver.py:86 builds it from TEST_CONFIG, by a manager of its own."""
    from channels import channel_layers
    from channels.asgi import ChannelLayerManager

    layer = ChannelLayerManager().make_test_backend('tested')
    assert layer.channel_layer.capacity == 3
    assert channel_layers['tested'].channel_layer.capacity == 1
    one_operation(Site(layer.channel_layer).ask(hand_off))
    assert channel_layers['tested'].receive_many(['request.async']) == (None, None)


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


def test_the_test_client_of_channels_sees_the_operation(style):
    from channels.test import ChannelTestCase, Client

    class Case(ChannelTestCase):
        test_channel_aliases = ('default',)

        def runTest(self):
            from channels import channel_layers

            site_support.current['view'] = hand_off
            channel_layers['default'].router.check_default()
            tested = Client()
            request = site_support.http_request(reply=tested.reply_channel)
            tested.send_and_consume('http.request', request)
            assert tested.receive() is None
            assert tested.get_next_message('request.async')['url'] == URL

    with configured(style, []):
        outcome = Case().run()
    assert outcome is None or outcome.wasSuccessful(), outcome.errors + outcome.failures


def test_the_threads_of_runserver_hand_off_at_once(plain):
    """Four WorkerThreads share one layer and one consumer (channels/management/commands/runserver.py:77)."""
    import threading

    from channels.management.commands.runserver import WorkerThread

    class Stopped(Exception):
        pass

    class Thread(WorkerThread):
        def run(self):
            with pytest.raises(Stopped):
                super(Thread, self).run()

    enough = threading.Event()
    counted = []

    class Counting(site_support.ChannelLayer):
        def send(self, channel, message):
            super(Counting, self).send(channel, message)
            if channel != 'http.request':
                counted.append(channel)
                if len(counted) >= 40:
                    enough.set()

        def receive(self, channels, block=False):
            if enough.is_set() and block:
                raise Stopped
            return super(Counting, self).receive(channels, block)

        receive_many = receive

    site = Site(Counting(capacity=100))
    site_support.current['view'] = hand_off
    for number in range(40):
        site.layer.send('http.request', site_support.http_request(reply='test.reply!{}'.format(number)))
    threads = [Thread(site.layer, logging.getLogger('test')) for _ in range(4)]
    for thread in threads:
        thread.daemon = True
        thread.start()
    assert enough.wait(30)
    for thread in threads:
        thread.join(30)
    assert {message['reply_channel'] for message in site.operations()} == {
        'test.reply!{}'.format(number) for number in range(40)
    }
    assert site.replies() == []
