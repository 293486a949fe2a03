"""The trace of a request: what of it goes with an operation, and what does not."""

from __future__ import unicode_literals

import sys

import pytest
import site_support
from inline_support import OK
from site_support import STYLES, Site, configured, one_operation
from upstream_support import upstream

from channels_async import trace_rules, wire
from channels_async.client.client import client

URL = 'https://example.org/'
TRACE = '0af7651916cd43dd8448eb211c80319c'
PARENT = '00-{}-b7ad6b7169203331-01'.format(TRACE)


@pytest.fixture
def plain():
    with configured(STYLES[-1], []):
        yield


def asked(view, headers):
    return wire.parse(one_operation(Site().ask(view, headers=headers)), 0.0)


def view(request):
    return client.request(request, URL)


@pytest.mark.parametrize('value', [
    PARENT, '00-{}-b7ad6b7169203331-00'.format(TRACE), 'cc-{}-b7ad6b7169203331-01-more'.format(TRACE),
])  # fmt: skip
def test_what_is_a_traceparent(value):
    assert trace_rules.is_traceparent(value)
    assert trace_rules.trace_id(value) == TRACE
    assert trace_rules.trace_fields(' {} '.format(value), None) == {'traceparent': value}


@pytest.mark.parametrize('value', [
    '', 'x', PARENT.upper(), PARENT + '-more', PARENT + '\n', PARENT[:-1], 'ff' + PARENT[2:],
    '00-{}-b7ad6b7169203331-01'.format('0' * 32), '00-{}-{}-01'.format(TRACE, '0' * 16),
    '01-{}-b7ad6b7169203331-01-{}'.format(TRACE, 'x' * 200),
])  # fmt: skip
def test_what_is_none_counts_as_not_there(value):
    assert not trace_rules.is_traceparent(value)
    assert trace_rules.trace_fields(value.strip() if value != PARENT + '\n' else 'x', 'a=b') == {}


def test_a_tracestate_that_cannot_be_passed_on_is_left_out():
    assert trace_rules.trace_fields(PARENT, 'a=b,c=d') == {'traceparent': PARENT, 'tracestate': 'a=b,c=d'}
    assert trace_rules.trace_fields(PARENT, 'a' * 513) == {'traceparent': PARENT}
    assert trace_rules.trace_fields(PARENT, 'a=\x01') == {'traceparent': PARENT}
    assert trace_rules.trace_fields(None, 'a=b') == {}


def test_headers_that_say_what_the_trace_is_are_left_alone():
    own = [(b'Traceparent', b'mine')]
    assert trace_rules.trace_headers(own, PARENT, 'a=b') == own
    assert trace_rules.trace_headers([(b'X', b'1')], None, None) == [(b'X', b'1')]
    assert trace_rules.trace_headers([(b'X', b'1')], PARENT, 'a=b') == [
        (b'X', b'1'), (b'traceparent', PARENT.encode('ascii')), (b'tracestate', b'a=b')]


def test_the_trace_of_a_request_goes_with_its_operation(plain):
    operation = asked(view, [(b'traceparent', PARENT.encode('ascii')), (b'tracestate', b'a=b')])
    assert (operation.traceparent, operation.tracestate) == (PARENT, 'a=b')
    assert not [name for name, _ in operation.details.headers if name.lower() == b'traceparent']


def test_a_request_without_one_or_with_nonsense_has_none(plain):
    for headers in ([], [(b'traceparent', b'nonsense'), (b'tracestate', b'a=b')], [(b'tracestate', b'a=b')]):
        operation = asked(view, headers)
        assert (operation.traceparent, operation.tracestate) == (None, None)


def test_the_trace_stays_here_where_the_settings_say_so():
    with configured(STYLES[-1], [], CHANNELS_ASYNC_CLIENT={'TRACE': False}):
        operation = asked(view, [(b'traceparent', PARENT.encode('ascii'))])
    assert operation.traceparent is None


def test_the_trace_of_a_consumers_message_goes_with_its_operation(plain):
    site = Site(None, consumer=lambda message: client.call(message, 'f'))
    operations, _ = site.ask(headers=[(b'traceparent', PARENT.encode('ascii'))])
    assert wire.parse(operations[0], 0.0).traceparent == PARENT


@pytest.mark.parametrize('given', ['x', 1, PARENT.encode('ascii')])
def test_a_message_with_another_traceparent_is_refused(given):
    message = wire.encode(id='1', reply_channel='a', url=URL)
    with pytest.raises(wire.BadMessage) as raised:
        wire.parse(dict(message, traceparent=given), 0.0)
    assert 'traceparent' in raised.value.reason


@pytest.mark.parametrize('own', [None, {'Traceparent': 'mine'}])
def test_in_the_view_the_upstream_gets_it_unless_the_view_has_said_something(own):
    from django.test import Client

    with upstream(OK) as server:
        site_support.current['view'] = lambda request: client.request(request, server.url, headers=own)
        with configured(STYLES[-1], []):
            response = Client(HTTP_TRACEPARENT=PARENT).get('/')
        assert b''.join(response.streaming_content) == b'hello'
        ((_, headers, _),) = server.requests
    assert headers['traceparent'] == (PARENT if own is None else 'mine')


@pytest.mark.skipif(sys.version_info < (3,), reason='OpenTelemetry is for Python 3')
def test_an_open_span_of_opentelemetry_is_the_trace(plain, monkeypatch):
    class Propagate(object):
        """What is used of opentelemetry.propagate, which old sites do not have."""

        @staticmethod
        def inject(carrier):
            carrier['traceparent'] = PARENT.replace('b7ad', 'aaaa')

    monkeypatch.setitem(sys.modules, 'opentelemetry.propagate', Propagate)
    operation = asked(view, [(b'traceparent', PARENT.encode('ascii')), (b'tracestate', b'a=b')])
    assert (operation.traceparent, operation.tracestate) == (PARENT.replace('b7ad', 'aaaa'), None)
