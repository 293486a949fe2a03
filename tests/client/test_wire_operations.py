"""FORWARD, CALL and COMMAND on the wire: what encode() writes parse() reads, and the rest is refused."""

from __future__ import unicode_literals

import pytest

from channels_async import wire

REPLY = 'daphne.response.AbCdEfGhIj!KlMnOpQrSt'

FORWARD = {
    'url': 'http://backend/api/?a=b', 'method': 'POST', 'headers': [(b'Host', b'backend')], 'body': b'x',
    'body_channel': 'http.request.body?abc', 'content_length': 5, 'cookie_domain': 'example.org',
    'location': ('http://backend/api/', '/api/'), 'retries': 2, 'idempotent': True,
}  # fmt: skip
CALL = {
    'function': 'thumbnail.status', 'args': [1, 'a', b'b', None, [1.5, True]], 'kwargs': {'size': {'x': 1}},
}  # fmt: skip
COMMAND = {
    'command': 'resize', 'parameters': {'size': '80x80'}, 'stdin': b'png', 'body_channel': None,
    'content_length': None,
}  # fmt: skip
ALL = [('FORWARD', wire.Forward, FORWARD), ('CALL', wire.Call, CALL), ('COMMAND', wire.Command, COMMAND)]


def there_and_back(operation, **details):
    message = wire.encode('a', REPLY, operation=operation, **details)
    assert all(isinstance(key, type('')) for key in message)
    return wire.parse(message, 0.0)


def refusal(operation, details, **broken):
    message = wire.encode('a', REPLY, operation=operation, **details)
    with pytest.raises(wire.BadMessage) as caught:
        wire.parse(dict(message, **broken), 0.0)
    return caught.value


@pytest.mark.parametrize(('name', 'kind', 'details'), ALL)
def test_what_encode_writes_parse_reads(name, kind, details):
    operation = there_and_back(name, **details)
    assert (operation.name, operation.version) == (name, 2)
    assert operation.details == kind(**details)


@pytest.mark.parametrize('kind', [wire.Request, wire.Forward, wire.Call, wire.Command])
def test_details_are_made_by_position_in_the_order_of_their_slots(kind):
    details = kind(*range(len(kind.__slots__)))
    assert [getattr(details, slot) for slot in kind.__slots__] == list(range(len(kind.__slots__)))
    assert details == kind(**{slot: number for number, slot in enumerate(kind.__slots__)})
    with pytest.raises(TypeError):
        kind()
    with pytest.raises(TypeError):
        kind(*range(len(kind.__slots__) + 1))


@pytest.mark.parametrize(('name', 'required'), [
    ('FORWARD', {'url': 'http://backend/'}), ('CALL', {'function': 'f'}), ('COMMAND', {'command': 'c'}),
])  # fmt: skip
def test_what_is_optional_has_a_default(name, required):
    details = there_and_back(name, **required).details
    rest = {slot: getattr(details, slot) for slot in details.__slots__ if slot not in required}
    assert set(map(repr, rest.values())) <= set(map(repr, (None, [], {}, 0, False, 'GET')))


@pytest.mark.parametrize(('name', 'kind', 'details'), ALL)
def test_a_field_of_another_operation_is_refused(name, kind, details):
    assert 'unknown field' in refusal(name, details, allow_redirects=True).reason


@pytest.mark.parametrize(('name', 'field'), [
    ('FORWARD', 'url'), ('CALL', 'function'), ('COMMAND', 'command'),
])  # fmt: skip
def test_what_an_operation_cannot_do_without_is_named(name, field):
    details = dict(dict((name, details) for name, _, details in ALL)[name])
    message = wire.encode('a', REPLY, operation=name, **details)
    del message[field]
    with pytest.raises(wire.BadMessage) as caught:
        wire.parse(message, 0.0)
    assert caught.value.reason == '{} is missing'.format(field)


@pytest.mark.parametrize(('name', 'field', 'value'), [
    ('FORWARD', 'body_channel', 'no channel'), ('FORWARD', 'body_channel', b'http.request.body?abc'),
    ('FORWARD', 'body_channel', 'request.async'), ('COMMAND', 'body_channel', 'daphne.response.a!b'),
    ('FORWARD', 'content_length', -1), ('FORWARD', 'content_length', '5'),
    ('FORWARD', 'cookie_domain', 'a b'), ('FORWARD', 'cookie_domain', b'a'),
    ('FORWARD', 'cookie_domain', 'a; Secure'),
    ('FORWARD', 'location', ['', '/']), ('FORWARD', 'location', ['a']), ('FORWARD', 'location', 'ab'),
    ('FORWARD', 'location', ['a', b'b']), ('FORWARD', 'location', ['a', 'b\r\nX: 1']),
    ('FORWARD', 'retries', 11), ('FORWARD', 'retries', True), ('FORWARD', 'idempotent', 1),
    ('CALL', 'function', b'f'), ('CALL', 'function', ''), ('CALL', 'function', 'a b'),
    ('CALL', 'function', 'x' * 201), ('CALL', 'args', 'ab'), ('CALL', 'args', {'a': 1}),
    ('CALL', 'kwargs', [1]),
    ('CALL', 'kwargs', {b'a': 1}), ('CALL', 'kwargs', {1: 1}), ('CALL', 'args', [object()]),
    ('CALL', 'args', [2 ** 64]), ('CALL', 'args', [0] * 10001), ('CALL', 'args', [set()]),
    ('COMMAND', 'command', 5), ('COMMAND', 'parameters', ['a']), ('COMMAND', 'parameters', {'a': b'b'}),
    ('COMMAND', 'parameters', {'a': 5}), ('COMMAND', 'parameters', {'a': 'x' * 9000}),
    ('COMMAND', 'parameters', {'a': 'b\0'}), ('COMMAND', 'stdin', 'text'),
])  # fmt: skip
def test_a_wrong_value_is_refused_by_the_name_of_its_field(name, field, value):
    details = dict((name, details) for name, _, details in ALL)[name]
    assert refusal(name, details, **{str(field): value}).reason.startswith(field)


def test_values_nested_too_deep_are_refused():
    deep = []
    for _ in range(100000):
        deep = [deep]
    assert 'levels' in refusal('CALL', CALL, args=deep).reason


def test_the_place_of_a_wrong_value_is_told():
    assert refusal('CALL', CALL, kwargs={'a': [0, object()]}).reason.startswith('kwargs[')
    with pytest.raises(TypeError):
        wire.encode('a', REPLY, operation='CALL', function='f', args=[object()])


def test_an_answer_that_nobody_wants_needs_no_channel():
    message = wire.encode('a', None, operation='CALL', function='f', reply_format='none')
    operation = wire.parse(message, 0.0)
    assert (operation.reply_channel, operation.reply_format) == (None, 'none')
    with pytest.raises(TypeError):
        wire.encode('a', None, operation='CALL', function='f')


def test_only_requests_come_without_a_version():
    with pytest.raises(wire.BadMessage) as caught:
        wire.parse({'operation': 'CALL', 'reply_channel': REPLY, 'function': 'f'}, 0.0)
    assert caught.value.reason.startswith('v is missing')


def test_what_is_printed_holds_nothing_of_the_content():
    assert [repr(kind(**details)) for _, kind, details in ALL] == [
        '<Forward POST http://backend>', '<Call function=thumbnail.status>', '<Command command=resize>',
    ]  # fmt: skip
