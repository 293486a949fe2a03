"""Messages of the 2017 client: the real ones, and what its users could have made it send."""

from __future__ import unicode_literals

import base64
import io
import json
import os

import msgpack
import pytest

from channels_async import wire

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'data')
REPLY = 'daphne.response.AbCdEfGhIj!KlMnOpQrSt'


def unpacked(packed):
    try:
        return msgpack.unpackb(packed, raw=False)
    except TypeError:  # msgpack-python before 0.5.2
        return msgpack.unpackb(packed, encoding='utf-8')


def recorded():
    with io.open(os.path.join(DATA, 'messages-2017-python2.json'), encoding='utf-8') as stored:
        entries = json.load(stored)
    return {entry['name']: unpacked(base64.b64decode(entry['message_base64'])) for entry in entries}


EXPECTED = {
    'plain': {'url': 'https://github.com/'},
    'py2 native str url': {'url': 'https://github.com/octocat'},
    'unicode url': {'url': 'https://example.org/caf%C3%A9?q=%E2%98%83'},
    'params dict': {'params': [('a', '1'), ('b', 'x y')]},
    'params native str dict': {'params': [('a', '1')]},
    'headers dict': {'headers': [(b'X-Token', b's3cret'), (b'Accept', b'application/json')]},
    'timeout int': {'timeout': 5.0},
    'timeout float': {'timeout': 2.5},
    'timeout none': {'timeout': None},
    'allow_redirects false': {'allow_redirects': False},
    'data dict': {'data': [('k', 'v')]},
    'data text': {'data': b'a=b&c=d'},
    'json dict': {'json': b'{"k": [1, null, true, "\\u00e9"]}'},
    'cookies': {'cookies': [('sid', 'abc')]},
    'several': {
        'url': 'https://example.org/x', 'headers': [(b'A', b'1')], 'max_redirects': 3, 'timeout': 10.0,
        'ignored': ('compress',),
    },
}


def test_every_recorded_message_has_an_expectation():
    assert sorted(EXPECTED) == sorted(recorded())


@pytest.mark.parametrize('name', sorted(EXPECTED))
def test_a_recorded_message_is_understood(name):
    expected = dict({
        'url': 'https://example.org/', 'method': 'GET', 'headers': [], 'body': None, 'allow_redirects': True,
        'max_redirects': 10, 'params': None, 'data': None, 'json': None, 'cookies': None, 'auth': None,
        'timeout': None, 'ignored': (), 'version': 1, 'reply_channel': REPLY, 'reply_format': 'http',
        'sent_at': None, 'response_headers': [], 'head': False, 'name': 'REQUEST',
    }, **EXPECTED[name])
    operation = wire.parse(recorded()[name], 0.0)
    for field, value in expected.items():
        owner = operation if hasattr(operation, field) else operation.details
        found = getattr(owner, field)
        # Python 2 dicts forget their order; the message has it, the test need not.
        assert (sorted(found) if isinstance(found, list) else found) == (
            sorted(value) if isinstance(value, list) else value), field


def parse(**fields):
    message = {'operation': 'REQUEST', 'reply_channel': REPLY, 'url': 'https://example.org/'}
    message.update(fields)
    return wire.parse(message, 0.0)


def refused(**fields):
    with pytest.raises(wire.BadMessage) as caught:
        parse(**fields)
    assert caught.value.reply_channel == REPLY
    return caught.value.reason


def test_each_message_gets_an_id_of_its_own():
    assert parse().id != parse().id
    assert len(parse().id) == 32


def test_keys_and_values_that_arrive_as_bytes_are_understood():
    message = {
        b'operation': b'REQUEST', b'reply_channel': REPLY.encode('ascii'), b'url': b'https://example.org/',
        b'timeout': b'5', b'headers': b"{'A': 'b'}",
    }
    operation = wire.parse(message, 0.0)
    assert operation.reply_channel == REPLY
    assert (operation.timeout, operation.details.headers) == (5.0, [(b'A', b'b')])


def test_a_python_2_native_string_with_utf_8_in_a_repr_is_the_text_it_stood_for():
    assert parse(params="{'q': 'caf\\xc3\\xa9'}").details.params == [('q', 'caf\xe9')]


def test_unicode_escapes_in_a_repr_are_read():
    assert parse(params="{u'q': u'\\u2603\\xe9'}").details.params == [('q', '\u2603\xe9')]


def test_python_2_long_integers_are_read():
    assert parse(json="{u'k': 5L}").details.json == b'{"k": 5}'


def test_the_letter_L_inside_a_string_stays():
    assert parse(params="{u'k': u'5L'}").details.params == [('k', '5L')]


def test_a_list_as_a_value_names_the_parameter_several_times():
    assert parse(params="{u'a': [1, 2.5]}").details.params == [('a', '1'), ('a', '2.5')]


def test_params_may_be_a_query_string():
    assert parse(params='a=1&b=&c=%C3%A9').details.params == [('a', '1'), ('b', ''), ('c', '\xe9')]


def test_a_json_text_given_as_data_is_a_body():
    assert parse(data='{"k": "v"}').details.data == b'{"k": "v"}'


def test_text_that_only_begins_like_a_dict_is_a_body():
    assert parse(data='{not a dict').details.data == b'{not a dict'


def test_text_given_as_json_is_a_json_string():
    assert parse(json='hello').details.json == b'"hello"'


def test_userinfo_of_the_url_becomes_auth():
    details = parse(url='https://us%40er:pa%3Ass@example.org/x').details
    assert (details.url, details.auth) == ('https://example.org/x', ('us@er', 'pa:ss'))


def test_auth_may_be_a_pair_and_wins_over_the_url():
    assert parse(url='https://a:b@example.org/', auth="(u'user', 'pass')").details.auth == ('user', 'pass')


@pytest.mark.parametrize(('value', 'understood'), [
    ('False', False), ('0', None), ('True', True), ('None', True), (False, False),
])  # fmt: skip
def test_booleans_are_read_from_their_repr(value, understood):
    if understood is None:
        assert 'true or false' in refused(allow_redirects=value)
    else:
        assert parse(allow_redirects=value).details.allow_redirects is understood


@pytest.mark.parametrize('name', [
    'compress', 'chunked', 'encoding', 'version', 'read_until_eof', 'expect100', 'skip_auto_headers', 'args',
])  # fmt: skip
def test_what_only_aiohttp_knew_is_left_out_and_noted(name):
    assert parse(**{str(name): 'True'}).ignored == (name,)


@pytest.mark.parametrize('timeout', [
    '0', '-1', 'nan', 'inf', '-inf', '1e999', "'5'", '[5]', 'True', 'soon', '5s', b'\xff',
])  # fmt: skip
def test_a_timeout_that_is_no_number_of_seconds_above_zero_is_refused(timeout):
    assert 'timeout' in refused(timeout=timeout)


@pytest.mark.parametrize('field', ['headers', 'params', 'cookies', 'auth', 'json', 'data'])
@pytest.mark.parametrize('source', [
    '__import__("os").system("true")', '{1: __import__}', 'lambda: 0', "'a' * 9", '{' * 5000, '[' * 100000,
    '-' * 100000, '{[1]: 2}', "{u'a': <object at 0x1>}", "{u'a'}", '1 if 1 else 2', "f'{1}'", "{'a': '\\x1'}",
    "'" * 9999,
])  # fmt: skip
def test_nothing_is_evaluated(field, source):
    try:
        operation = parse(**{str(field): source})
    except wire.BadMessage:
        pass
    else:  # text bodies, query strings and JSON strings may look like anything
        assert field in ('params', 'data', 'json')
        assert operation.details is not None


def test_the_time_to_read_a_value_is_linear():
    """Quadratic scanning of two million characters would not end within the test run."""
    for source in ("{'" + "\\'" * 1000000, '{' + '"\'' * 500000, "{'a': '" + 'x' * 2000000):
        assert 'headers cannot be read' in refused(headers=source)


def test_a_value_of_the_proper_type_is_understood_as_well():
    details = parse(
        headers={'A': 'b'}, max_redirects=3, json={'k': 1}, data=[('a', 'b')], auth=['u', 'p']
    ).details
    assert details.headers == [(b'A', b'b')]
    assert (details.max_redirects, details.json, details.data) == (3, b'{"k": 1}', [('a', 'b')])
    assert details.auth == ('u', 'p')


def test_a_header_that_would_start_another_line_is_refused():
    assert 'control characters' in refused(headers="{u'A': u'b\\r\\nX: y'}")
    assert 'not a header name' in refused(headers="{u'A\\r\\nX': u'b'}")


def test_an_error_text_holds_no_value():
    for field in ('headers', 'cookies', 'auth', 'timeout'):
        assert 's3cret' not in refused(**{str(field): "{u'A': {u's3cret': object()}}"})


def test_half_of_a_surrogate_pair_is_refused():
    for field in ('params', 'cookies', 'headers', 'data'):
        try:
            parse(**{str(field): {'a': '\ud800'}})
        except wire.BadMessage:
            continue
        assert str is bytes  # Python 2 encodes it
