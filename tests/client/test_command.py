"""client.command: what it puts on the layer, and which arguments it refuses."""

from __future__ import unicode_literals

import decimal
import io

import pytest
import site_support
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory
from django.utils.translation import ugettext_lazy

from channels_async import wire
from channels_async.client.client import client


def sent(command='resize', parameters=None, stdin=None, method='POST', body=b'', **arguments):
    """The operation that a view leaves on the layer, parsed as the server does it."""

    def view(request):
        given = request if stdin == 'the request' else stdin
        return client.command(request, command, parameters, given, **arguments)

    return wire.parse(site_support.one_operation(site_support.Site().ask(view, method, body=body)), 0.0)


def consumed(stdin=None, **content):
    """The operation that a consumer leaves on the layer for a message."""

    def consumer(message):
        client.command(message, 'resize', stdin=message if stdin is None else stdin)

    site = site_support.Site(consumer=consumer)
    site.layer.send('http.request', dict({'reply_channel': 'test.reply!abc', 'method': 'POST'}, **content))
    site.work()
    return wire.parse(site.operations()[0], 0.0).details


def test_the_operation_is_on_the_layer():
    operation = sent('resize', {'size': '80x80'}, b'image', timeout=5)
    assert (operation.name, operation.timeout, operation.head) == ('COMMAND', 5.0, False)
    assert operation.details.command == 'resize'
    assert operation.details.parameters == {'size': '80x80'}
    assert operation.details.stdin == b'image'
    assert (operation.details.body_channel, operation.details.content_length) == (None, None)


def test_without_input_there_is_none():
    assert sent().details.stdin is None


@pytest.mark.parametrize(('stdin', 'bytes_'), [
    (b'', b''), (b'\xff\x00', b'\xff\x00'), ('caf\xe9', b'caf\xc3\xa9'), (bytearray(b'a\xff'), b'a\xff'),
    (memoryview(b'a\xff'), b'a\xff'), (io.BytesIO(b'file'), b'file'),
    (io.StringIO('caf\xe9'), b'caf\xc3\xa9'),
    (SimpleUploadedFile('a.png', b'upload'), b'upload'),
])  # fmt: skip
def test_input_in_its_many_forms(stdin, bytes_):
    assert sent(stdin=stdin).details.stdin == bytes_


def test_the_requests_own_body_is_the_input():
    assert sent(stdin='the request', body=b'from a browser').details.stdin == b'from a browser'


def test_the_request_as_rest_framework_wraps_it():
    class Wrapped(object):
        def __init__(self, request):
            self._request = request

    def view(request):
        return client.command(Wrapped(request), 'resize', stdin=Wrapped(request))

    operation = site_support.one_operation(site_support.Site().ask(view, 'POST', body=b'body'))
    assert operation['stdin'] == b'body'


def test_a_message_is_the_input_of_a_consumer():
    assert consumed(body=b'raw').stdin == b'raw'
    assert consumed(b'own', body=b'raw').stdin == b'own'


def test_a_body_that_comes_in_pieces_is_told_of():
    headers = [[b'content-length', b'10']]
    details = consumed(body=b'raw', body_channel='http.request.body?x', headers=headers)
    assert (details.stdin, details.body_channel) == (b'raw', 'http.request.body?x')
    assert details.content_length == 10


def test_a_frame_of_a_websocket_is_the_input():
    assert consumed(method=None, order=1, text='caf\xe9').stdin == b'caf\xc3\xa9'
    assert consumed(method=None, order=1, bytes=b'\xff').stdin == b'\xff'
    assert consumed(method=None, order=1).stdin == b''


@pytest.mark.parametrize(('value', 'text_'), [
    (80, '80'), (2 ** 70, '1180591620717411303424'), (0.1, '0.1'), (-1.5, '-1.5'),
    (decimal.Decimal('1.10'), '1.10'), ('caf\xe9', 'caf\xe9'), (str('native'), 'native'),
    (ugettext_lazy('lazy'), 'lazy'),
])  # fmt: skip
def test_parameters_become_text(value, text_):
    assert sent(parameters={str('a'): value}).details.parameters == {'a': text_}


@pytest.mark.parametrize(('arguments', 'error', 'says'), [
    ({'command': None}, TypeError, 'command must be text, not NoneType'),
    ({'command': 'a b'}, ValueError, 'command must be'),
    ({'parameters': ['a']}, TypeError, 'parameters must be a dict, not list'),
    ({'parameters': {'a': None}}, TypeError, "parameters['a'] must be text or a number, not NoneType"),
    ({'parameters': {'a': True}}, TypeError, "parameters['a'] must be text or a number, not bool"),
    ({'parameters': {'a': ['b']}}, TypeError, "parameters['a'] must be text or a number, not list"),
    ({'parameters': {'a': b'\xff'}}, TypeError, "parameters['a'] must be text"),
    ({'parameters': {5: 'a'}}, TypeError, 'parameters: each name must be text, not int'),
    ({'parameters': {'a': '\0'}}, ValueError, 'parameters: an entry holds a NUL'),
    ({'parameters': {'a': 'x' * 9000}}, ValueError, 'parameters: an entry is longer than'),
    ({'stdin': 5}, TypeError, 'stdin must be bytes, text, a file, a request or a message, not int'),
    ({'timeout': 0}, ValueError, 'timeout'),
])  # fmt: skip
def test_what_cannot_be_is_refused_in_the_view(arguments, error, says):
    arguments = dict({'command': 'resize'}, **arguments)
    with pytest.raises(error) as caught:
        client.command(RequestFactory().get('/'), **arguments)
    assert says in '{}'.format(caught.value)


def test_the_answer_can_go_to_a_channel():
    from channels import channel_layers

    id = client.command(None, 'resize', reply_to='process.result')
    _, operation = channel_layers['default'].receive_many(['request.async'])
    assert (operation['id'], operation['reply_channel']) == (id, 'process.result')
