"""Anything may lie on the request channel: it parses, or it is a BadMessage, never another exception."""

from __future__ import unicode_literals

import ast

from hypothesis import given, settings
from hypothesis import strategies as st

from channels_async import wire
from channels_async.wire.literals import NotLiteral, literal

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=20)
    | st.sampled_from(['None', 'False', '5', 'nan', 'http://example.org/', 'a!b', 'REQUEST', b'REQUEST'])
    | st.just('\ud800')
)
keys = st.text(max_size=5) | st.binary(max_size=5)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from([
    'v', 'operation', 'id', 'reply_channel', 'reply_format', 'head', 'sent_at', 'timeout', 'response_headers',
    'url', 'method', 'headers', 'body', 'allow_redirects', 'max_redirects', 'params', 'data', 'json',
    'cookies', 'auth', 'args', 'compress', 'kwargs', 'function', 'command', 'parameters', 'stdin',
    'body_channel', 'content_length', 'cookie_domain', 'location', 'retries', 'idempotent',
])  # fmt: skip
plausible = {'operation': 'REQUEST', 'reply_channel': 'x!y', 'url': 'http://example.org/', 'id': 'a'}
others = [
    {'operation': 'FORWARD', 'reply_channel': 'x!y', 'url': 'http://example.org/', 'id': 'a', 'v': 2},
    {'operation': 'CALL', 'reply_channel': 'x!y', 'function': 'f', 'id': 'a', 'v': 2},
    {'operation': 'COMMAND', 'reply_channel': 'x!y', 'command': 'c', 'id': 'a', 'v': 2},
]


def parses_or_is_refused(message):
    try:
        operation = wire.parse(message, 1000.0)
    except wire.BadMessage as error:
        refusal = error
    else:
        is_sound(operation)
        return
    assert refusal.reason
    assert refusal.reply_channel is None or wire.check_channel_name(refusal.reply_channel)
    assert '\n' not in refusal.reason + str(refusal)


def is_sound(operation):
    repr(operation)
    nobody = operation.reply_channel is None and operation.reply_format == 'none'
    assert nobody or wire.check_channel_name(operation.reply_channel)
    assert operation.timeout is None or operation.timeout > 0
    assert operation.sent_at is None or operation.sent_at <= 1000.0
    details = operation.details
    if operation.name in ('CALL', 'COMMAND'):
        return
    details.url.encode('ascii')
    assert details.url.startswith(('http://', 'https://'))
    for name, value in details.headers + operation.response_headers:
        assert not set(name + value) & set(b'\r\n\0')


@given(values)
def test_any_object_parses_or_is_refused(message):
    parses_or_is_refused(message)


@settings(max_examples=300)
@given(st.dictionaries(names | keys | st.integers(), values, max_size=8))
def test_any_dict_parses_or_is_refused(message):
    parses_or_is_refused(message)


@settings(max_examples=300)
@given(st.dictionaries(names, values | values.map(repr), max_size=3), st.sampled_from([{}, {'v': 2}]))
def test_an_almost_good_message_parses_or_is_refused(broken, version):
    parses_or_is_refused(dict(plausible, **dict(version, **broken)))


@settings(max_examples=300)
@given(st.sampled_from(others), st.dictionaries(names, values, max_size=3))
def test_an_almost_good_message_of_any_operation_parses_or_is_refused(good, broken):
    parses_or_is_refused(dict(good, **broken))


@given(st.text())
def test_any_url_parses_or_is_refused(tail):
    for head in ('', 'http://', 'https://example.org/', 'http://example.org:'):
        parses_or_is_refused(dict(plausible, url=head + tail))
        parses_or_is_refused(dict(plausible, url=head + tail, v=2))


@given(st.text(alphabet='{}[]()\'"\\,: uxL0123456789.eNone+-\n'))
def test_any_text_is_read_as_literal_eval_reads_it_or_not_at_all(source):
    try:
        value = literal(source)
    except NotLiteral:
        return
    if 'L' in source or 'u' in source or '\\x' in source or any(name in source for name in ('inf', 'nan')):
        return
    expected = ast.literal_eval(source.strip())
    assert repr(plain(value)) == repr(plain(expected))


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
    | st.text(alphabet=st.characters(blacklist_categories=['Cs'])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='abc\'"\\'), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(plain_values)
def test_a_repr_is_read_back(value):
    assert repr(plain(literal(repr(value)))) == repr(plain(value))


def plain(value):
    """Tuples as lists; text that looks like a Python 2 native string with UTF-8 as what it stands for."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return plain(value.decode('latin-1'))
    if isinstance(value, str):
        try:
            return value.encode('latin-1').decode('utf-8')
        except UnicodeError:
            return value
    return value
