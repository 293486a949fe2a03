# -*- coding: utf-8 -*-
"""client.call: arguments as a message carries them, and errors that name the place."""

from __future__ import unicode_literals

import collections
import datetime
import decimal
import sys

import pytest
from django.utils.functional import lazy
from django.utils.safestring import mark_safe
from site_support import Site, one_operation

from channels_async import wire
from channels_async.calling import arguments
from channels_async.client.client import client

PY2 = sys.version_info[0] == 2
late = lazy(lambda: 'later', type(''))


def call(function='thumbnail.status', **arguments):
    return lambda request: client.call(request, function, **arguments)


def handed_off(view, **request):
    return wire.parse(one_operation(Site().ask(view, **request)), 0.0)


@pytest.mark.usefixtures('plain')
def test_a_call_goes_to_the_server_with_its_arguments():
    operation = handed_off(call(args=[1, 'a'], kwargs={'size': (80, 80)}, timeout=3))
    assert (operation.name, operation.timeout, operation.head) == ('CALL', 3.0, False)
    assert operation.details == wire.Call(
        function='thumbnail.status', args=[1, 'a'], kwargs={'size': [80, 80]})


@pytest.mark.usefixtures('plain')
def test_a_call_without_arguments_and_for_a_browser_that_wants_only_the_head():
    operation = handed_off(call(str('f')), method='HEAD')
    assert operation.details == wire.Call(function='f', args=[], kwargs={})
    assert operation.head


@pytest.mark.usefixtures('plain')
def test_what_the_view_puts_on_the_response_goes_with_it():
    def view(request):
        response = client.call(request, 'f')
        response['X-View'] = '1'
        return response

    assert (b'X-View', b'1') in handed_off(view).response_headers


def test_a_consumer_calls_with_its_message():
    returned = []
    operation = wire.parse(one_operation(
        Site(consumer=lambda message: returned.append(client.call(message, 'f', [1]))).ask()), 0.0)
    assert (operation.name, operation.details.args, returned) == ('CALL', [1], [None])


def test_values_arrive_as_plain_ones():
    ordered = collections.OrderedDict([('b', 1), ('a', 2.5)])
    args, kwargs = arguments(
        (True, None, 2 ** 40, mark_safe('<b>'), late(), bytearray(b'ab'), (1, [2]), ordered), {str('k'): 'v'})
    assert args == [True, None, 2 ** 40, '<b>', 'later', b'ab', [1, [2]], {'a': 2.5, 'b': 1}]
    assert [type(value) for value in args[3:6]] == [type(''), type(''), bytes]
    assert (type(args[6]), type(args[7]), kwargs) == (list, dict, {'k': 'v'})


@pytest.mark.skipif(not PY2, reason='a str of Python 2')
def test_a_str_of_python_2_is_text_where_it_is_ascii():
    (ascii_value, other), kwargs = arguments([b'abc', b'\xff'], {b'k': {b'l': b'm'}})
    assert (type(ascii_value), type(other)) == (type(''), bytes)
    assert [type(key) for key in kwargs] == [type('')]
    assert [type(part) for pair in kwargs['k'].items() for part in pair] == [type('')] * 2


@pytest.mark.skipif(PY2, reason='bytes of Python 3')
def test_bytes_of_python_3_stay_bytes():
    assert arguments([b'abc'], None) == ([b'abc'], {})


class Model(object):
    pk = 5
    _meta = object()


@pytest.mark.parametrize(('args', 'kwargs', 'says'), [
    ([{'when': datetime.datetime(2020, 1, 1)}], None, ["args[0]['when']", 'datetime', 'isoformat()']),
    ((), {'price': [decimal.Decimal('1')]}, ["kwargs['price'][0]", 'Decimal', 'as text']),
    ([Model()], None, ['args[0]', 'Model', 'its pk']),
    ([{1, 2}], None, ['args[0]', 'set', 'a list']),
    ([iter('ab')], None, ['args[0]', 'a list of plain values']),
    ([{1: 2}], None, ['args[0] has the key 1', 'keys must be text']),
    ([object()], None, ['args[0]', 'object']),
    ('ab', None, ['args must be a list']),
    (None, None, ['args must be a list']),
    ((), [1], ['kwargs must be a dict']),
])  # fmt: skip
def test_what_a_message_does_not_carry_is_named_with_its_place(rf, args, kwargs, says):
    with pytest.raises(TypeError) as caught:
        client.call(rf, 'f', args, kwargs)
    assert [word for word in says if word not in '{}'.format(caught.value)] == []


@pytest.mark.parametrize(('function', 'error'), [
    (5, TypeError), (len, TypeError), ('a b', ValueError), ('', ValueError), ('b\xe9', ValueError),
])  # fmt: skip
def test_what_is_no_name_of_a_function_is_refused(rf, function, error):
    with pytest.raises(error) as caught:
        client.call(rf, function)
    assert 'function' in '{}'.format(caught.value)


def test_too_much_is_refused(rf):
    endless = []
    endless.append(endless)
    for args in (endless, [0] * 10001, [2 ** 64]):
        with pytest.raises(ValueError, match='args'):
            client.call(rf, 'f', args)


@pytest.fixture
def rf():
    """A request of a browser."""
    from django.test import RequestFactory

    return RequestFactory().get(str('/'))
