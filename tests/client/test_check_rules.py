"""Traps that are valid settings: each rule with a case that it finds, and a neighbour that it does not."""

from __future__ import unicode_literals

import re

import pytest

from channels_async import check_rules, redis_rules
from channels_async.check_rules import Plan
from channels_async.redis_rules import ShardFacts

REDIS = 'asgi_redis.RedisChannelLayer'

PLAN = Plan(
    deadlines={'REQUEST': 30.0, 'COMMAND': 60.0}, daphne_timeout=120.0, channel='request.async',
    disconnect_channels=['http.disconnect'], total=100,
)  # fmt: skip

FACTS = ShardFacts(
    label='127.0.0.1:6379', version=(7, 0, 15), maxmemory=0, policy='noeviction', ahead=0.1, prefixes=[],
    unreadable=0,
)  # fmt: skip


def ids(findings):
    """The ends of their ids; that each is complete is looked at here, too."""
    for finding in findings:
        assert finding.level in check_rules.LEVELS
        assert finding.id.startswith('channels_async.' + finding.level[0].upper())
        assert finding.about
        assert finding.problem
        assert finding.remedy
    return [finding.id.rpartition('.')[2] for finding in findings]


@pytest.mark.parametrize(
    ('config', 'expected'),
    [
        ({}, []),
        # Trap: the README of asgi_redis, written before daphne 1.2.
        ({'channel_capacity': {'http.response!*': 200}}, ['W013']),
        ({'channel_capacity': {b'http.response!*': 200}}, ['W013']),
        ({'channel_capacity': {'http.response!*': 200, 'daphne.response.*': 200}}, []),
        ({'channel_capacity': {'daphne.*': 50}}, ['W014']),
        ({'channel_capacity': {re.compile('daphne[.]response'): 500}, 'capacity': 100}, []),
        # Trap: what waits longer than expiry vanishes, and nobody tells the browser.
        ({'expiry': 59}, ['W015']),
        ({'expiry': 60}, []),
        ({'group_expiry': 59}, ['W020']),
        ({'channel_capacity': {'request.async': 99}}, ['I018']),
        ({'channel_capacity': {'request.async': 9}}, ['W018']),
        ({'channel_capacity': {'http.disconnect': 99}}, ['I019']),
        ({'channel_capacity': {'*': 1000}}, []),
    ],
)
def test_a_layer_of_asgi_redis(config, expected):
    assert ids(check_rules.layer_findings('default', REDIS, config, PLAN)) == expected


@pytest.mark.parametrize(
    ('backend', 'expected'),
    [
        ('asgiref.inmemory.ChannelLayer', ['W011']),
        ('asgi_redis.RedisLocalChannelLayer', ['W012']),
        ('project.layers.Own', []),
    ],
)
def test_other_layers(backend, expected):
    assert ids(check_rules.layer_findings('default', backend, {}, PLAN)) == expected


@pytest.mark.parametrize(
    ('timeout', 'expected'), [(120.0, []), (65.0, ['I017']), (64.0, ['E016', 'I017'])],
)  # fmt: skip
def test_daphnes_timeout(timeout, expected):
    assert ids(check_rules.plan_findings(PLAN._replace(daphne_timeout=timeout))) == expected


@pytest.mark.parametrize(
    ('first', 'second', 'expected'),
    [
        ({}, {}, ['W021']),
        ({}, {'hosts': [('localhost', 6379)], 'prefix': b'asgi:'}, ['W021']),
        ({}, {'prefix': 'other:'}, []),
        ({}, {'hosts': ['redis://localhost:6379/1']}, []),
    ],
)
def test_two_layers_on_one_redis(first, second, expected):
    layers = {'a': {'BACKEND': REDIS, 'CONFIG': first}, 'b': {'BACKEND': REDIS, 'CONFIG': second}}
    assert ids(check_rules.twin_findings(layers)) == expected


def test_layers_that_are_none_have_no_twins():
    layers = {'a': None, 'b': {}, 'c': {'BACKEND': 'x.Y'}, 'd': {'BACKEND': 'x.Y'}}
    assert check_rules.twin_findings(layers) == []


@pytest.mark.parametrize(
    ('site', 'server', 'expected'),
    [
        ({}, {}, []),
        ({'hosts': [('localhost', 6379)]}, {'hosts': ['redis://localhost:6379/0']}, []),
        ({'hosts': ['redis://:geheim@a/0']}, {'hosts': ['redis://b/0']}, ['E022']),
        ({'prefix': 'site:'}, {}, ['E022']),
        ({'symmetric_encryption_keys': [b'geheim']}, {'symmetric_encryption_keys': ['geheim']}, []),
        ({'symmetric_encryption_keys': ['geheim']}, {}, ['E022']),
        ({'expiry': 90}, {'expiry': 60}, ['W023']),
        ({'channel_capacity': {'a': 1}}, {'channel_capacity': {}}, ['W023']),
        ({'capacity': 100}, {}, []),
    ],
)
def test_a_server_whose_layer_is_not_the_sites(site, server, expected):
    found = check_rules.difference_findings(
        'default', {'BACKEND': REDIS, 'CONFIG': site}, {'BACKEND': REDIS, 'CONFIG': server})
    assert ids(found) == expected
    assert 'geheim' not in repr(found)


def test_a_server_with_another_backend():
    found = check_rules.difference_findings('default', {'BACKEND': REDIS}, {'BACKEND': 'a.B'})
    assert ids(found) == ['E022']


@pytest.mark.parametrize(
    ('more', 'expected'),
    [
        ({}, []),
        ({'version': (6, 0, 9)}, ['W031']),
        ({'version': (6, 2)}, []),
        ({'version': (0,)}, []),
        ({'maxmemory': 1000, 'policy': 'allkeys-lru'}, ['W032']),
        ({'maxmemory': 1000, 'policy': 'volatile-ttl'}, ['W032']),
        ({'maxmemory': 1000}, []),
        ({'policy': 'allkeys-lru'}, []),
        ({'maxmemory': None, 'policy': None}, []),
        ({'ahead': 2.5}, ['W033']),
        ({'ahead': -2.5}, ['W033']),
        ({'prefixes': ['other:', 'third:']}, ['W034', 'W034']),
        ({'unreadable': 1}, ['W035']),
    ],
)
def test_what_was_seen_of_a_redis(more, expected):
    assert ids(redis_rules.shard_findings(FACTS._replace(**more))) == expected


@pytest.mark.parametrize(
    ('reports', 'waiting', 'words'),
    [
        ([], 0, 'no server answers on this layer'),
        ([], 3, '3 messages wait on request.async'),
        ([{'channels': ['other']}, {}], None, 'none takes messages from request.async'),
    ],
)
def test_nobody_serves(reports, waiting, words):
    (finding,) = redis_rules.serving_findings('request.async', reports, waiting)
    assert ids([finding]) == ['W037']
    assert words in finding.problem


def test_somebody_serves():
    assert redis_rules.serving_findings('request.async', [{'channels': ['request.async']}], 7) == []


@pytest.mark.parametrize(
    ('routed', 'expected'),
    [
        (['http.request'], []),
        (['http.disconnect', 'http.request'], ['W026']),
        (['request.async'], ['E025']),
    ],
)
def test_the_routing_of_the_sites_workers(routed, expected):
    found = check_rules.routing_findings('default', routed, 'request.async', ['http.disconnect'])
    assert ids(found) == expected


def test_client_and_server_on_different_channels():
    assert check_rules.channel_findings('request.async', 'request.async') == []
    assert ids(check_rules.channel_findings('a', 'b')) == ['E024']


@pytest.mark.parametrize(
    ('config', 'python2', 'expected'),
    [
        ({}, True, ['I027']),
        ({'hosts': ['redis://h/0', ('h', 6379)]}, True, ['I027']),
        ({'hosts': ['unix:///run/redis.sock']}, False, ['W027']),
        ({'hosts': ['rediss://h/0']}, False, ['W027']),
        ({'symmetric_encryption_keys': ['x']}, True, ['W027']),
        ({'symmetric_encryption_keys': ['x']}, False, ['I027']),
    ],
)
def test_daphne_with_txredisapi(config, python2, expected):
    assert ids(check_rules.twisted_findings('default', config, python2)) == expected


@pytest.mark.parametrize('config', [
    {'expiry': '7', 'group_expiry': None, 'capacity': True, 'channel_capacity': 7, 'hosts': 7},
    {'channel_capacity': {'*': 'x', 7: 7}, 'hosts': ['h', 7, ()], 'prefix': 7},
])  # fmt: skip
def test_a_value_of_a_wrong_type_is_the_layers_to_refuse(config):
    assert ids(check_rules.layer_findings('default', REDIS, config, PLAN)) == []
    layer = {'BACKEND': REDIS, 'CONFIG': config}
    assert check_rules.twin_findings({'a': layer, 'b': {'BACKEND': REDIS, 'CONFIG': 7}}) == []
    assert check_rules.twin_findings(7) == []
    assert check_rules.difference_findings('a', layer, layer) == []
    assert ids(check_rules.difference_findings('a', 7, layer)) == ['E022']
    assert len(check_rules.twisted_findings('a', config, True)) == 1


@pytest.mark.parametrize(
    ('at', 'expected'),
    [(100.0, []), (101.9, []), (95.1, []), (102.1, ['W038']), (94.9, ['W038']), ('x', [])],
)  # fmt: skip
def test_the_clocks_of_servers(at, expected):
    found = redis_rules.clock_findings([{'at': at, 'host': 'h', 'pid': 7}], 100.0)
    assert ids(found) == expected
    assert all(finding.about == 'server h:7' for finding in found)


@pytest.mark.parametrize(
    ('apps', 'loaded', 'expected'),
    [(['channels'], True, ['I028']), ([b'channels'], True, ['I028']), (['channels'], False, []),
     ([], True, [])],
)
def test_apps_that_a_server_need_not_load(apps, loaded, expected):
    assert ids(check_rules.app_findings(apps, loaded)) == expected
