"""Version 2 of the contract, and what holds for both versions."""

from __future__ import unicode_literals

import os
import subprocess
import sys

import pytest

import channels_async
from channels_async import wire

REPLY = 'daphne.response.AbCdEfGhIj!KlMnOpQrSt'
FULL = {
    'v': 2, 'operation': 'REQUEST', 'id': 'a' * 32, 'reply_channel': REPLY, 'sent_at': 1000.5, 'timeout': 3,
    'response_headers': [[b'Vary', b'Cookie']], 'reply_format': 'http', 'url': 'https://example.org/a?b=c',
    'method': 'post', 'headers': [[b'A', b'1'], [b'A', b'2']], 'body': b'x', 'allow_redirects': False,
    'max_redirects': 7, 'head': True,
}  # fmt: skip


def parse(now=2000.0, **fields):
    return wire.parse(dict(FULL, **fields), now)


def refused(message):
    with pytest.raises(wire.BadMessage) as caught:
        wire.parse(message, 0.0)
    return caught.value


def refused_with(**fields):
    return refused(dict(FULL, **fields))


def test_a_full_message_becomes_an_operation():
    assert parse() == wire.Operation(
        name='REQUEST', version=2, id='a' * 32, reply_channel=REPLY, reply_format='http', head=True,
        sent_at=1000.5, timeout=3.0, response_headers=[(b'Vary', b'Cookie')], ignored=(),
        details=wire.Request(
            method='POST', url='https://example.org/a?b=c', headers=[(b'A', b'1'), (b'A', b'2')], body=b'x',
            allow_redirects=False, max_redirects=7,
        ),
    )  # fmt: skip


def test_what_is_optional_has_a_default():
    message = {'v': 2, 'operation': 'REQUEST', 'id': 'b', 'reply_channel': REPLY, 'url': 'http://example.org'}
    operation = wire.parse(message, 0.0)
    assert (operation.sent_at, operation.timeout, operation.response_headers) == (None, None, [])
    assert (operation.reply_format, operation.head) == ('http', False)
    details = operation.details
    assert (details.method, details.headers, details.body) == ('GET', [], None)
    assert (details.allow_redirects, details.max_redirects) == (True, 20)


def test_what_encode_writes_parse_reads():
    message = wire.encode(
        id='a' * 32, reply_channel=REPLY, url='https://example.org/a?b=c', method='POST',
        headers=[(b'A', b'1'), (b'A', b'2')], body=b'x', allow_redirects=False, max_redirects=7, timeout=3,
        sent_at=1000.5, response_headers=[(b'Vary', b'Cookie')], head=True,
    )  # fmt: skip
    assert wire.parse(message, 2000.0) == parse()
    assert all(isinstance(key, type('')) for key in message)


def test_the_smallest_message_holds_no_none():
    message = wire.encode(id='b', reply_channel=REPLY, url='http://example.org/')
    assert None not in message.values()
    assert wire.parse(message, 0.0).timeout is None


@pytest.mark.parametrize(('field', 'value', 'error'), [
    ('id', 5, TypeError), ('id', '', ValueError), ('reply_channel', None, TypeError),
    ('reply_channel', 'a b', ValueError), ('url', b'\xff', ValueError), ('url', 5, TypeError),
    ('url', 'ftp://example.org/', ValueError), ('method', None, TypeError), ('method', 'G T', ValueError),
    ('headers', {'a': 'b'}, TypeError), ('headers', [('a', 'b')], TypeError),
    ('headers', [(b'a', b'b\r\nc: d')], ValueError), ('body', 'text', TypeError),
    ('allow_redirects', 1, TypeError), ('max_redirects', -1, ValueError), ('max_redirects', True, TypeError),
    ('timeout', '5', TypeError), ('timeout', 0, ValueError), ('timeout', float('nan'), ValueError),
    ('sent_at', 'now', TypeError), ('response_headers', [(b'a',)], TypeError),
])  # fmt: skip
def test_encode_refuses_what_parse_would_and_names_the_field(field, value, error):
    arguments = dict({'id': 'b', 'reply_channel': REPLY, 'url': 'http://example.org/'}, **{str(field): value})
    with pytest.raises(error) as caught:
        wire.encode(**arguments)
    assert type(caught.value) is error
    assert field in str(caught.value)


def test_an_unknown_field_is_named():
    assert refused_with(colour='red').reason == "unknown field 'colour'"


def test_a_clock_that_is_ahead_becomes_now():
    assert parse(now=900.0).sent_at == 900.0


@pytest.mark.parametrize('v', [1, 3, 0, -1, True, '2', 2.5, None, 10 ** 400])
def test_another_version_is_refused(v):
    assert 'version' in refused_with(v=v).reason


@pytest.mark.parametrize('timeout', [0, -1, float('nan'), float('inf'), 10 ** 400, True, '5', b'5', [5]])
def test_a_timeout_is_a_number_above_zero(timeout):
    assert 'timeout' in refused_with(timeout=timeout).reason


@pytest.mark.parametrize('name', ['request', '', 'EVAL', 5, None, 'x' * 10000, 'a\nb'])
def test_an_unknown_operation_is_refused_in_one_short_line(name):
    reason = refused_with(operation=name).reason
    assert 'operation' in reason
    assert len(reason) < 100
    assert '\n' not in reason


@pytest.mark.parametrize('message', [None, 5, b'', 'x', [], [1], object(), 1.5, True, b'x' * 10000000])
def test_what_is_no_dict_is_refused(message):
    assert 'not a dict' in refused(message).reason


def test_too_many_fields_are_refused():
    assert 'fields' in refused({'f{}'.format(number): 1 for number in range(100)}).reason


def test_keys_that_are_no_text_are_refused_and_the_answer_still_finds_its_channel():
    error = refused({5: 1, 'reply_channel': REPLY, 'id': 'a', 'v': 2})
    assert error.reply_channel == REPLY
    assert error.id == 'a'


def test_an_error_says_where_and_how_it_can_be_answered():
    error = refused_with(url='no url', reply_format='websocket')
    assert (error.reply_channel, error.reply_format, error.id) == (REPLY, 'websocket', 'a' * 32)
    error = refused_with(id='a b', reply_format='smoke')
    assert (error.reply_channel, error.reply_format, error.id) == (REPLY, 'http', None)


@pytest.mark.parametrize('name', [
    None, 5, '', 'a b', 'a\n', 'x' * 100, 'a!b!c', 'a?b!c', 'a?', '\xe9', '!x', '?x', b'\xff', [REPLY],
    'request.async',
])  # fmt: skip
def test_a_reply_channel_that_is_none_is_no_place_to_answer(name):
    error = refused_with(reply_channel=name)
    assert error.reply_channel is None
    assert 'reply_channel' in error.reason


@pytest.mark.parametrize('name', ['http.response', REPLY, 'a?b', 'a!', 'default-x_y.Z9', 'x' * 99])
def test_channel_names_that_asgiref_takes(name):
    assert wire.check_channel_name(name)


@pytest.mark.parametrize('url', [
    '', 'example.org', '//example.org/', 'http://', 'http:///x', 'ftp://example.org/', 'javascript:alert(1)',
    'http://[::1', 'http://[zz]/', 'http://example.org:99999/', 'http://example.org:x/',
    'http://exa mple.org/', 'http://example.org/\r\nX: y', 'http://example.org/\x00', 'http://a..b/',
    'http://' + 'a' * 64 + '.org/', 'http://user:pw@example.org/', 'http://example.org/' + 'x' * 65536,
    'http://example.org:0/', 'http://a\\b/', 'http://' + 'a.' * 40000 + 'b/', 'http://\u2100.org/',
])  # fmt: skip
def test_a_url_that_no_request_can_go_to_is_refused(url):
    assert 'url' in refused_with(url=url).reason


@pytest.mark.parametrize(('url', 'understood'), [
    ('HTTP://EXAMPLE.org', 'http://example.org'),
    ('https://example.org:8443/a%20b?c=%C3%A9#d', 'https://example.org:8443/a%20b?c=%C3%A9#d'),
    ('http://[::1]:80/', 'http://[::1]:80/'),
    ('http://b\xfccher.example/\xe9 x?q=\u2603', 'http://xn--bcher-kva.example/%C3%A9%20x?q=%E2%98%83'),
    ('http://example.org/100%', 'http://example.org/100%25'),
    (' http://example.org/ ', 'http://example.org/'),
    ('http://example.org/a"b<c>`d`{e}|f\\^', 'http://example.org/a%22b%3Cc%3E%60d%60%7Be%7D%7Cf%5C%5E'),
    ("http://example.org/!$&'()*+,;=:@/~-._", "http://example.org/!$&'()*+,;=:@/~-._"),
    ('http://under_score.example/', 'http://under_score.example/'),
    ('http://example.org./', 'http://example.org./'),
])  # fmt: skip
def test_a_url_becomes_a_plain_uri(url, understood):
    assert parse(url=url).details.url == understood


@pytest.mark.parametrize('method', ['', 'G T', 'GET\r\n', 'CONNECT', 'x' * 33, None, 5])
def test_a_method_is_a_token(method):
    assert 'method' in refused_with(method=method).reason


@pytest.mark.parametrize('field', ['headers', 'response_headers'])
@pytest.mark.parametrize('headers', [
    None, {}, 'x', [5], [[b'a']], [[b'a', b'b', b'c']], [[b'a', 5]],
    [['a', b'b']] if str is not bytes else [5], [[b'a b', b'c']], [[b'a\r\n', b'c']], [[b'', b'c']],
    [[b'a:', b'c']], [[b'a', b'b\r\nc']], [[b'a', b'b\n']], [[b'a', b'\x00']], [[b'a', b'\x7f']],
    [[b'a', b'b']] * 257, [[b'a', b'b' * 65536]], [[b'\xe9', b'b']],
])  # fmt: skip
def test_headers_that_could_not_be_sent_are_refused(field, headers):
    assert field in refused_with(**{str(field): headers}).reason


@pytest.mark.parametrize('hosts', [
    [b'a b'], [b'a/b'], [b''], [b'a', b'a'], [b'a:b'], [b'u@a'], [b'a,b'], [b'caf\xc3\xa9'], [b'[::1'],
])  # fmt: skip
def test_a_host_header_that_no_request_can_have_is_refused(hosts):
    error = refused_with(headers=[[b'hoST', host] for host in hosts])
    assert error.reason == 'headers: Host must be given once, as a host with an optional port'
    old = {'operation': 'REQUEST', 'reply_channel': REPLY, 'url': 'http://h/', 'headers': {'Host': hosts}}
    assert 'Host' in refused(old).reason


@pytest.mark.parametrize('host', [b'a', b'a.example:80', b'a_b~-:', b'[::1]:8000', b'[::1]', b' a '])
def test_a_host_header_of_the_caller_is_kept(host):
    assert parse(headers=[[b'Host', host]]).details.headers == [(b'Host', host.strip())]


def test_header_values_may_hold_any_visible_byte_and_lose_surrounding_space():
    assert parse(headers=[[b'a', b' \xe9\ttab ']]).details.headers == [(b'a', b'\xe9\ttab')]


def test_a_repr_shows_no_secret():
    headers = [[b'Authorization', b's3cret']]
    operation = parse(url='https://example.org/token-s3cret?key=s3cret', headers=headers, body=b's3cret')
    shown = repr(operation) + repr(operation.details)
    assert 's3cret' not in shown
    assert 'https://example.org' in shown


def test_the_contract_needs_neither_django_nor_channels():
    program = (
        'import sys; import channels_async.wire, channels_async.http_rules; '
        'strangers = set("django channels trio asyncio requests logging".split()); '
        'print([name for name in sys.modules if name.split(".")[0] in strangers])'
    )
    environment = dict(os.environ, PYTHONPATH=os.path.dirname(os.path.dirname(channels_async.__file__)))
    assert subprocess.check_output([sys.executable, '-c', program], env=environment).strip() == b'[]'
