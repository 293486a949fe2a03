"""CALL in the view: the same answers as the server gives (tests/server/test_call.py reads the same cases)."""

from __future__ import unicode_literals

import json
import logging
import sys
import time

import call_functions
import pytest
import site_support
from call_cases import RETURNED, STREAMED, WRONG
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from inline_support import LATE, whole

from channels_async.client.client import client
from channels_async.inline.call import CutShort

PY2 = sys.version_info[0] == 2
NAMES = ('case', 'given', 'told', 'fail', 'stream_and_fail', 'wait', 'wait_in_a_stream', 'of_length', 'leave')
CALLS = {name: 'call_functions.' + name for name in NAMES}


def call(function, *args, **options):
    """The response of client.call in a view under WSGI. `options`: browser, kwargs, timeout, settings."""
    settings = dict({'CHANNELS_ASYNC_SERVER': {'CALLS': CALLS}}, **options.pop('settings', {}))
    request = RequestFactory().generic(str(options.pop('browser', 'GET')), str('/'))
    with site_support.configured(site_support.STYLES[-1], [], **settings):
        return client.call(request, function, args, **options)


def pairs(response):
    return {name.lower(): value for name, value in response.items()}


@pytest.mark.parametrize('number', range(len(RETURNED)))
def test_what_a_function_returns_is_the_response(number):
    _, status, headers, body = RETURNED[number]
    response = call('case', 'returned', number)
    expected = dict(headers) if status in (204, 304) else dict(headers, **{'content-length': str(len(body))})
    assert (response.status_code, pairs(response), whole(response)) == (status, expected, body)


@pytest.mark.parametrize('number', range(len(STREAMED)))
def test_what_a_generator_yields_is_a_stream(number):
    _, _, content_type, body = STREAMED[number]
    response = call('case', 'streamed', number)
    assert (response.status_code, response.get('Content-Type'), whole(response)) == (200, content_type, body)


@pytest.mark.parametrize('number', range(len(WRONG)))
def test_what_is_no_response_is_a_500_and_a_line_in_the_log(number, caplog):
    response = call('case', 'wrong', number)
    assert response.status_code == 500
    assert b"the function 'case' failed" in whole(response)
    assert "the function 'case' returned" in caplog.text
    assert [word for word in WRONG[number][1] if word not in caplog.text] == []


def test_arguments_arrive():
    response = call('given', 1, 'two', [b'\xff'.decode('latin-1')], kwargs={'size': {'x': 80}})
    assert json.loads(whole(response).decode('ascii')) == {
        'args': [1, 'two', ['\xff']], 'kwargs': {'size': {'x': 80}}}


def test_a_function_may_know_its_operation_and_how_long_it_has():
    settings = {'CHANNELS_ASYNC_SERVER': {'CALLS': CALLS, 'DEADLINES': {'CALL': 100}}}
    told = json.loads(whole(call('told', '80x80', timeout=60, settings=settings)).decode('ascii'))
    assert told['size'] == '80x80'
    assert len(told['id']) == 32
    assert 0 < told['remaining'] <= 60
    assert told['deadline'] - time.time() <= 60


@pytest.mark.parametrize('options', [
    {'kwargs': {'context': 'mine', 'size': 1}}, {'kwargs': {'wrong': 1}}, {},
])  # fmt: skip
def test_arguments_that_the_function_does_not_take_are_a_500(options, caplog):
    assert call('told', **options).status_code == 500
    assert 'TypeError' in caplog.text


def test_head_calls_the_function_and_has_no_content():
    response = call('given', 1, browser='HEAD')
    assert (response.status_code, response['Content-Type'], whole(response)) == (200, 'application/json', b'')
    assert int(response['Content-Length']) > 0


def test_an_exception_is_a_500_with_the_id_and_its_traceback_is_in_the_log(caplog):
    response = call('fail')
    lines = whole(response).decode('utf-8').splitlines()
    assert response.status_code == 500
    assert lines[:2] == ['500 Internal Server Error', "the function 'fail' failed"]
    assert lines[2].split()[0] == 'operation'
    assert lines[2].split()[1] in caplog.text
    assert 'a secret' not in '\n'.join(lines)
    assert 'a secret' in caplog.text


def test_the_traceback_is_in_the_answer_where_debug_is_on():
    assert b'ValueError: a secret' in whole(call('fail', settings={'DEBUG': True}))


def test_a_stream_that_fails_before_its_first_item_is_a_500():
    assert call('stream_and_fail', 0).status_code == 500


def test_a_stream_that_fails_later_is_broken_off(caplog):
    response = call('stream_and_fail', 2)
    received = []
    with pytest.raises(CutShort, match='failed'):
        received.extend(response)
    response.close()
    assert 'the answer was cut short' in caplog.text


@pytest.mark.parametrize(('length', 'told', 'body'), [
    (5, 'more than the Content-Length', b'abc'), (7, '1 bytes less than the Content-Length', b'abcdef'),
])
def test_a_stream_is_held_to_its_content_length(length, told, body, caplog):
    received = []
    with pytest.raises(CutShort):
        received.extend(call('of_length', length, 'abc', 'def'))
    assert b''.join(received) == body
    assert told in caplog.text


def test_a_stream_whose_first_item_is_longer_than_its_content_length_is_a_500():
    assert call('of_length', 2, 'abc').status_code == 500
    assert whole(call('of_length', 2, 'abc', browser='HEAD')) == b''


def test_a_function_that_would_end_the_process_has_failed():
    assert call('leave').status_code == 500
    received = []
    with pytest.raises(CutShort):
        received.extend(call('leave', 'one'))
    assert received == [b'one']


def test_a_stream_that_nobody_reads_to_its_end_is_closed():
    del call_functions.closed[:]
    response = call('stream_and_fail', 5)
    assert next(iter(response)) == b'item 0 '
    response.close()
    assert call_functions.closed == [True]


def test_a_function_that_takes_too_long_is_a_504(caplog):
    response = call('wait', timeout=0.01)
    assert response.status_code == 504
    assert b'longer than' in whole(response)
    assert "longer than" in caplog.text


def test_a_stream_that_takes_too_long_is_broken_off():
    settings = {'CHANNELS_ASYNC_SERVER': {'CALLS': CALLS, 'DEADLINES': {'CALL': 100}}}
    for timeout in LATE:
        response = call('wait_in_a_stream', timeout=timeout, settings=settings)
        if response.status_code == 200:
            break
    received = []
    with pytest.raises(CutShort, match='longer than'):
        received.extend(response)
    response.close()
    assert b'too late' not in received


def test_context_http_is_not_for_plain_functions(caplog):
    settings = {'CHANNELS_ASYNC_SERVER': {'CALLS': {'f': 'test_call_inline.use_http'}}}
    assert call('f', settings=settings).status_code == 500
    assert 'use requests' in caplog.text


def use_http(context):
    return context.http.stream('GET', 'http://localhost/')


def test_each_item_of_a_stream_is_a_frame_of_a_websocket():
    def consumer(message):
        client.call(message, 'case', ['streamed', 1], reply_format='websocket')

    operations, replies = without_server(consumer=consumer)
    assert (operations, replies) == ([], [{'bytes': b'\xff'}, {'text': 'text'}, {'bytes': b'x'}])


def test_a_stream_that_fails_later_says_so_in_a_last_frame():
    def consumer(message):
        client.call(message, 'stream_and_fail', [1], reply_format='websocket')

    _, replies = without_server(consumer=consumer)
    last = json.loads(replies[1]['text'])
    assert (replies[0], last['status'], last['error']) == (
        {'text': 'item 0 '}, 500, "the function 'stream_and_fail' failed")


# --- which functions there are ----------------------------------------------------------------------


def test_what_the_settings_do_not_name_cannot_be_called(caplog):
    for name in ('call_functions.given', 'os.system', 'unknown'):
        response = call(name)
        others = whole(response)
        assert (response.status_code, b'given' in others) == (403, False)
    assert "the settings have no function 'os.system'" in caplog.text


@pytest.mark.parametrize(('name', 'answer'), [('call_functions.marked', b'marked'), ('other.name', b'named')])
def test_marked_functions_of_a_module_can_be_called(name, answer):
    settings = {'CHANNELS_ASYNC_SERVER': {'CALL_MODULES': ['call_functions']}}
    assert whole(call(name, settings=settings)) == answer
    assert call('call_functions.given', settings=settings).status_code == 403


def test_the_log_names_the_function_that_was_meant(caplog):
    settings = {'CHANNELS_ASYNC_SERVER': {'CALL_MODULES': ['call_functions'], 'CALLS': CALLS}}
    for name, meant in (('call_functions.markt', 'call_functions.marked'), ('cas', 'case')):
        assert call(name, settings=settings).status_code == 403
        line = "the settings have no function '{}'; did you mean '{}'?".format(name, meant)
        assert line in caplog.text


def test_the_clients_own_functions_come_before_the_servers():
    settings = {
        'CHANNELS_ASYNC_SERVER': {'CALLS': {'f': 'no.such.module.f'}},
        'CHANNELS_ASYNC_CLIENT': {'CALLS': {'f': 'call_functions.given'}},
    }
    assert call('f', settings=settings).status_code == 200


@pytest.mark.parametrize(('server', 'says'), [
    ({'CALLS': {'f': 'no_such_module.f'}},
     ["CHANNELS_ASYNC_SERVER['CALLS']['f']", 'no_such_module', 'cannot be imported']),
    ({'CALLS': {'f': 'call_functions.nothing'}}, ["['f']", 'has no function nothing']),
    ({'CALLS': {'f': 'call_functions.closed'}}, ["['f']", 'has no function closed']),
    ({'CALLS': {'f': 'given'}}, ["['f']", 'dotted path']), ({'CALLS': {'f': 5}}, ["['f']", 'dotted path']),
    ({'CALLS': []}, ["['CALLS']", 'dict']),
    ({'CALL_MODULES': 'call_functions'}, ["['CALL_MODULES']", 'a list']),
    ({'CALL_MODULES': ['no_such_module']}, ["['CALL_MODULES']", 'no_such_module', 'cannot be imported']),
])  # fmt: skip
def test_a_wrong_setting_is_named(server, says):
    with pytest.raises(ImproperlyConfigured) as caught:
        call('f', settings={'CHANNELS_ASYNC_SERVER': server})
    assert [word for word in says if word not in str(caught.value)] == []


ASYNC = '''
import trio

async def status():
    await trio.sleep(0)

async def ticks():
    yield 1

def both():
    return status()
'''


@pytest.mark.parametrize('name', ['status', 'ticks', 'both'])
def test_an_async_function_says_that_it_needs_the_server(name, tmpdir, monkeypatch):
    tmpdir.join('async_functions.py').write(ASYNC.replace('import trio', '' if not PY2 else 'import trio'))
    monkeypatch.syspath_prepend(str(tmpdir))
    with pytest.raises(ImproperlyConfigured) as caught:
        call('f', settings={'CHANNELS_ASYNC_SERVER': {'CALLS': {'f': 'async_functions.' + name}}})
    assert "CHANNELS_ASYNC_CLIENT['CALLS']['f'] may name a function" in str(caught.value)
    assert ('cannot be imported' if PY2 else 'only the server can run') in str(caught.value)


# --- in a site --------------------------------------------------------------------------------------


def without_server(**site):
    """What Site.ask() returns where there is no server."""
    settings = {'CHANNELS_ASYNC': False, 'CHANNELS_ASYNC_SERVER': {'CALLS': CALLS}}
    view = site.pop('view', None)
    with site_support.configured(site_support.STYLES[-1], [], **settings):
        return site_support.Site(**site).ask(view)


def test_a_worker_does_it_where_channels_async_is_off():
    operations, replies = without_server(view=lambda request: client.call(request, 'given', [1]))
    assert (operations, replies[0]['status'], replies[-1]['more_content']) == ([], 200, False)
    content = b''.join(reply.get('content', b'') for reply in replies)
    assert json.loads(content.decode('ascii')) == {'args': [1], 'kwargs': {}}


def test_a_consumer_does_it_where_channels_async_is_off():
    reply = site_support.only_reply(without_server(consumer=lambda message: client.call(message, 'fail')))
    assert reply['status'] == 500


@pytest.fixture(autouse=True)
def _log_of_the_client(caplog):
    caplog.set_level(logging.WARNING, str('channels_async.client'))
