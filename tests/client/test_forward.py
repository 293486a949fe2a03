"""client.forward() in views and consumers: what the server gets."""

from __future__ import unicode_literals

import pytest
from asgiref.inmemory import ChannelLayer
from site_support import STYLES, Site, configured, http_request, one_operation, only_reply

from channels_async import uploading, wire
from channels_async.client.client import client

URL = 'http://backend:8000/v1/'
HEADERS = [(b'host', b'example.com'), (b'cookie', b'a=1'), (b'x-a', b'1'), (b'x-a', b'2')]


def outcome(method='GET', at='/', headers=HEADERS, body=b'', site=None, url=URL, **arguments):
    """(operations, replies) of a view that forwards."""
    with configured(STYLES[-1], []):
        return (site or Site()).ask(
            lambda request: client.forward(request, url, **arguments), method, at, headers, body)


def forwarded(*request, **arguments):
    """The Operation that the server gets."""
    return wire.parse(one_operation(outcome(*request, **arguments)), 0.0)


def values(operation, name):
    return [value for known, value in operation.details.headers if known.lower() == name]


def refused(error, **arguments):
    caught = []

    def view(request):
        with pytest.raises(error) as raised:
            client.forward(request, arguments.pop('url', URL), **arguments)
        caught.append(raised.value)
        return client.request(request, URL)

    with configured(STYLES[-1], []):
        Site().ask(view, headers=HEADERS, path='/api/x')
    return str(caught[0])


# --- in a view ---------------------------------------------------------------------------------------


def test_the_browsers_request_goes_on_as_it_is():
    operation = forwarded('PATCH', '/any?q=%2F&r', body=b'\x00\xff')
    assert operation.name == 'FORWARD'
    details = operation.details
    assert (details.method, details.url) == ('PATCH', URL + '?q=%2F&r')
    assert (details.body, details.body_channel, details.content_length) == (b'\x00\xff', None, None)
    assert details.headers == [
        (b'cookie', b'a=1'), (b'x-a', b'1'), (b'x-a', b'2'), (b'X-Forwarded-For', b'127.0.0.1'),
        (b'X-Forwarded-Proto', b'http'), (b'X-Forwarded-Host', b'example.com'),
        (b'X-Forwarded-Port', b'80'), (b'Via', b'1.1 channels-async'),
    ]  # fmt: skip
    assert (details.cookie_domain, details.retries, details.idempotent) == (None, 0, False)


@pytest.mark.parametrize(('path', 'arguments', 'url', 'location'), [
    ('/api/x/y', {'mount': '/api/'}, URL + 'x/y', (URL, '/api/')),
    ('/api/', {'mount': '/api/'}, URL, (URL, '/api/')),
    ('/api/x', {'mount': '/api'}, URL + 'x', (URL, '/api')),
    ('/api/x/y', {'path': 'x/y'}, URL + 'x/y', (URL, '/api/')),
    ('/api/x/y', {'path': '/other'}, URL + 'other', None),
    ('/api/', {'path': ''}, URL, (URL, '/api/')),
    ('/api/x', {}, URL, (URL, '/api/x')),
    ('/api/x', {'mount': '/api/', 'rewrite_location': False}, URL + 'x', None),
    ('/api/x', {'mount': '/api/', 'rewrite_location': ('http://a/', 'http://b/')}, URL + 'x',
     ('http://a/', 'http://b/')),
])  # fmt: skip
def test_where_it_goes_and_where_redirects_lead(path, arguments, url, location):
    details = forwarded(at=path, **arguments).details
    assert (details.url, details.location) == (url, location)


def test_what_the_view_says_of_headers():
    operation = forwarded(
        headers=HEADERS, url=URL, mount=None, remove_headers=['X-A'], preserve_host=True, cookie_domain='',
        retries=2, idempotent=True, timeout=3,
    )  # fmt: skip
    assert operation.details.headers[:2] == [(b'Host', b'example.com'), (b'cookie', b'a=1')]
    assert values(operation, b'x-a') == []
    assert operation.details.cookie_domain == ''
    assert (operation.details.retries, operation.details.idempotent, operation.timeout) == (2, True, 3.0)


def test_headers_that_the_view_gives():
    given = {'X-A': 'mine', 'Cookie': None, 'X-B': b'c'}
    with configured(STYLES[-1], []):
        outcome = Site().ask(
            lambda request: client.forward(request, URL, headers=given), headers=HEADERS)
    operation = wire.parse(one_operation(outcome), 0.0)
    assert values(operation, b'x-a') == [b'mine']
    assert values(operation, b'cookie') == []
    assert values(operation, b'x-b') == [b'c']


def test_a_body_that_the_view_has_read_goes_on():
    form = b'a=1&b=%C3%A9'

    def view(request):
        assert request.POST['a'] == '1'
        assert request.body == form
        return client.forward(request, URL)

    headers = [(b'content-type', b'application/x-www-form-urlencoded'), (b'content-length', b'12')]
    with configured(STYLES[-1], []):
        operation = one_operation(Site().ask(view, 'POST', '/', headers, form))
    assert operation['body'] == form


def test_files_that_the_view_has_read_go_on():
    body = (b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n\x00\xff\r\n--x--\r\n')

    def view(request):
        assert request.FILES['f'].read() == b'\x00\xff'
        return client.forward(request, URL)

    headers = [(b'content-type', b'multipart/form-data; boundary=x'),
               (b'content-length', '{}'.format(len(body)).encode('ascii'))]
    with configured(STYLES[-1], []):
        operation = one_operation(Site().ask(view, 'POST', '/', headers, body))
    assert operation['body'] == body


def test_head_goes_on_as_head():
    operation = forwarded('HEAD')
    assert operation.details.method == 'HEAD'
    assert operation.head


@pytest.mark.parametrize(('error', 'arguments', 'named'), [
    (ValueError, {'path': 'x', 'mount': '/api/'}, 'mount'),
    (ValueError, {'mount': '/other/'}, "'/other/'"),
    (TypeError, {'mount': 1}, 'mount'),
    (TypeError, {'path': 1}, 'path'),
    (TypeError, {'headers': [('a', 'b')]}, 'headers'),
    (TypeError, {'headers': {'a': 1}}, "'a'"),
    (ValueError, {'headers': {'a': '\u2603'}}, 'latin-1'),
    (ValueError, {'headers': {'a b': 'c'}}, "'a b'"),
    (ValueError, {'headers': {'Connection': 'close'}}, 'Connection'),
    (TypeError, {'remove_headers': 'Cookie'}, 'remove_headers'),
    (TypeError, {'rewrite_location': 'x'}, 'rewrite_location'),
    (ValueError, {'rewrite_location': ('', '/')}, 'location'),
    (ValueError, {'cookie_domain': 'a b'}, 'cookie_domain'),
    (TypeError, {'url': None}, 'url'),
    (ValueError, {'url': 'backend/'}, 'url'),
    (ValueError, {'url': 'http://u:p@backend/'}, 'Authorization'),
    (ValueError, {'timeout': -1}, 'timeout'),
    (ValueError, {'retries': -1}, 'retries'),
    (TypeError, {'no_such': 1}, 'no_such'),
])  # fmt: skip
def test_a_wrong_argument_is_named(error, arguments, named):
    assert named in refused(error, **arguments)


@pytest.mark.parametrize(('request_', 'status'), [
    (('G@T', '/', HEADERS), 501), (('CONNECT', '/', HEADERS), 501),
    (('GET', '/', [(b'a', b'1')] * 257), 431), (('GET', '/', [(b'a', b'x' * 70000)]), 431),
    (('GET', '/?' + '"' * 30000, HEADERS), 414),
])  # fmt: skip
def test_a_request_that_cannot_go_on_is_answered(request_, status):
    reply = only_reply(outcome(*request_))
    assert reply['status'] == status
    assert b'operation ' in reply['content']


# --- large bodies ------------------------------------------------------------------------------------


def pieces(site, channel):
    found = []
    while True:
        name, message = site.layer.receive_many([channel])
        if name is None:
            return found
        found.append(message)


@pytest.mark.parametrize('size', [uploading.IN_A_MESSAGE + 1, 3 * uploading.IN_A_MESSAGE,
                                  uploading.MOST_PIECES * uploading.IN_A_MESSAGE + 7])
def test_a_large_body_goes_in_pieces_on_a_channel_of_its_own(size):
    site, body = Site(capacity=100), bytes(bytearray(range(251))) * (size // 251 + 1)
    details = forwarded('PUT', body=body[:size], site=site).details
    assert (details.body, details.content_length) == (None, size)
    assert details.body_channel.startswith('http.request.body?')
    found = pieces(site, details.body_channel)
    assert b''.join(piece['content'] for piece in found) == body[:size]
    assert [piece['more_content'] for piece in found] == [True] * (len(found) - 1) + [False]
    assert len(found) <= uploading.MOST_PIECES


def test_a_body_that_just_fits_goes_in_the_message():
    body = b'x' * uploading.IN_A_MESSAGE
    assert forwarded('PUT', body=body).details.body == body


def test_a_body_that_finds_no_room_is_refused_and_nothing_is_begun():
    site = Site(ChannelLayer(capacity=3))
    body = b'x' * (5 * uploading.IN_A_MESSAGE)
    with configured(STYLES[-1], [], CHANNELS_ASYNC_CLIENT={'SEND_TIMEOUT': 0}):
        reply = only_reply(site.ask(lambda request: client.forward(request, URL), 'PUT', '/', HEADERS, body))
    assert (reply['status'], reply['content'][:3]) == (413, b'413')


# --- in a consumer -----------------------------------------------------------------------------------


def consumed(content, **arguments):
    """(operations, replies) of a consumer that forwards a message with this content."""
    site = Site(consumer=lambda message: client.forward(message, URL, **arguments))
    with configured(STYLES[-1], []):
        site.layer.send('http.request', content)
        site.work()
    return site, (site.operations(), site.replies())


def test_a_consumer_forwards_its_message():
    _, outcome = consumed(http_request('POST', '/api/x?a=1', HEADERS, b'body'), mount='/api/')
    details = wire.parse(one_operation(outcome), 0.0).details
    assert (details.method, details.url, details.body) == ('POST', URL + 'x?a=1', b'body')
    assert details.headers[0] == (b'cookie', b'a=1')


@pytest.mark.parametrize(('headers', 'length'), [
    ([(b'content-length', b'70')], 70), ([], None), ([(b'content-length', b'x')], None),
    ([(b'content-length', b'1'), (b'content-length', b'2')], None),
])  # fmt: skip
def test_a_body_channel_goes_on_untouched(headers, length):
    content = http_request('POST', '/', headers, b'begin')
    content['body_channel'] = 'http.request.body?abc'
    _, outcome = consumed(content)
    details = wire.parse(one_operation(outcome), 0.0).details
    assert (details.body, details.body_channel) == (b'begin', 'http.request.body?abc')
    assert details.content_length == length


def test_a_consumers_request_that_cannot_go_on_is_answered():
    _, outcome = consumed(http_request('G@T', '/', HEADERS))
    assert only_reply(outcome)['status'] == 501


@pytest.mark.parametrize('content', [
    {'reply_channel': 'test.reply!abc', 'path': '/', 'text': 'x', 'bytes': None, 'order': 1},
    {'reply_channel': 'test.reply!abc'},
])  # fmt: skip
def test_what_is_no_http_request_is_refused(content):
    with pytest.raises(ValueError, match='HTTP request'):
        client.forward(content, URL)


def test_nobodys_request_cannot_go_on():
    with pytest.raises(TypeError, match='forwarded'):
        client.forward(None, URL, reply_to='process.result')
    with pytest.raises(TypeError):
        client.forward(None, URL)
