"""CHANNELS_ASYNC, CHANNELS_ASYNC_CLIENT and the deadlines: read late, wrong ones named."""

from __future__ import unicode_literals

import pytest
import site_support
from django.core.exceptions import ImproperlyConfigured
from django.test.utils import override_settings

from channels_async import conf


def test_defaults():
    assert conf.offloads() is True
    assert conf.client_settings() == conf.ClientSettings(0.5, 1.0, 'request.async')
    assert conf.client_settings()._fields == ('send_timeout', 'retry_after', 'channel')
    names = ('REQUEST', 'FORWARD', 'CALL', 'COMMAND')
    assert [conf.deadline(name) for name in names] == [30.0, 60.0, 10.0, 60.0]


def test_settings_are_read_when_they_are_needed():
    with override_settings(CHANNELS_ASYNC=False, CHANNELS_ASYNC_CLIENT={'SEND_TIMEOUT': 2}):
        assert conf.offloads() is False
        assert conf.client_settings().send_timeout == 2.0


@pytest.mark.parametrize(('value', 'says'), [
    ({'SEND_TIMOUT': 1}, 'SEND_TIMEOUT'), ({'retry_after': 1}, 'RETRY_AFTER'), ({'CHANEL': 'x'}, 'CHANNEL'),
    ({'SEND_TIMEOUT': -1}, 'SEND_TIMEOUT'), ({'SEND_TIMEOUT': '1'}, 'SEND_TIMEOUT'),
    ({'SEND_TIMEOUT': float('nan')}, 'SEND_TIMEOUT'), ({'SEND_TIMEOUT': float('inf')}, 'SEND_TIMEOUT'),
    ({'SEND_TIMEOUT': True}, 'SEND_TIMEOUT'), ({'RETRY_AFTER': None}, 'RETRY_AFTER'),
    ({'CHANNEL': 'a b'}, 'CHANNEL'), ({'CHANNEL': None}, 'CHANNEL'), ([], 'dict'), ({5: 1}, 'did you mean'),
])  # fmt: skip
def test_a_wrong_setting_is_named(value, says):
    with override_settings(CHANNELS_ASYNC_CLIENT=value), pytest.raises(ImproperlyConfigured) as caught:
        conf.client_settings()
    assert says in str(caught.value)


@pytest.mark.parametrize(('deadlines', 'seconds'), [
    ({'REQUEST': 5, 'default': 7}, 5.0), ({'default': 7}, 7.0), ({'CALL': 7}, 30.0), ({}, 30.0),
])  # fmt: skip
def test_the_deadline_is_the_servers(deadlines, seconds):
    with override_settings(CHANNELS_ASYNC_SERVER={'DEADLINES': deadlines, 'CONCURRENCY': {}}):
        assert conf.deadline('REQUEST') == seconds


@pytest.mark.parametrize('deadlines', [{'REQUEST': 0}, {'REQUEST': -1}, {'default': 'soon'}, [5]])
def test_a_wrong_deadline_is_named(deadlines):
    settings = override_settings(CHANNELS_ASYNC_SERVER={'DEADLINES': deadlines})
    with settings, pytest.raises(ImproperlyConfigured) as caught:
        conf.deadline('REQUEST')
    assert 'DEADLINES' in str(caught.value)


@pytest.mark.parametrize(('http', 'size'), [
    ({}, 1024 ** 3), ({'response_body': 0}, 0), ({'idle': 5}, 1024 ** 3),
])  # fmt: skip
def test_the_largest_body_is_the_servers(http, size):
    with override_settings(CHANNELS_ASYNC_SERVER={'HTTP': http}):
        assert conf.response_body() == size


@pytest.mark.parametrize('http', [{'response_body': -1}, {'response_body': '5'}, {'response_body': True}, 5])
def test_a_wrong_largest_body_is_named(http):
    settings = override_settings(CHANNELS_ASYNC_SERVER={'HTTP': http})
    with settings, pytest.raises(ImproperlyConfigured) as caught:
        conf.response_body()
    assert 'HTTP' in str(caught.value)


def test_wrong_settings_are_an_error_in_the_view_and_not_in_the_worker():
    from channels_async.client.client import client

    with site_support.configured(site_support.STYLES[-1], [], CHANNELS_ASYNC_CLIENT={'SEND_TIMOUT': 1}):
        operations, replies = site_support.Site().ask(lambda request: client.request(request, 'https://example.org/'))
    assert operations == []
    assert replies[0]['status'] == 500
