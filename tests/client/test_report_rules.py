"""What is shown of the servers' reports: sums, rates, percentiles; and of what no server has written."""

from __future__ import unicode_literals

import json

import pytest

from channels_async import report_rules, report_text

BOUNDS = [0.1, 1.0, 10.0]


def report(**more):
    return dict({
        'id': 'one', 'host': 'h', 'pid': 7, 'at': 110.0, 'started_at': 10.0, 'state': 'running',
        'channels': ['request.async'], 'places': {'total': 1000, 'free': 990}, 'in_flight': 10, 'waiting': 3,
        'consuming': 1, 'in_flight_by_operation': {'REQUEST': 9, 'CALL': 1},
        'finished': [['REQUEST', 'ok', 90], ['REQUEST', 'timeout', 8], ['REQUEST', 'client_gone', 2]],
        'consumed': [['notify', 'ok', 50], ['notify', 'error', 1]],
        'bounds': BOUNDS, 'durations': {'REQUEST': {'counts': [50, 40, 9, 1], 'sum': 70.0}},
        'layer': {'connected': True},
    }, **more)  # fmt: skip


def test_one_server_since_its_start():
    found = report_rules.summary([report()], 111.0)
    (server,) = found['servers']
    assert (server['host'], server['pid'], server['uptime'], server['silent']) == ('h', 7, 101.0, 1.0)
    assert (server['rate'], found['rate']) == (1.0, 1.0)
    call, request = found['operations']
    assert (call['operation'], call['in_flight'], call['finished']) == ('CALL', 1, 0)
    assert set(call['duration'].values()) == {None}
    assert (request['in_flight'], request['finished'], request['failed']) == (9, 100, 8)
    assert request['duration'] == {'p50': 0.1, 'p99': 10.0, 'p50_below': 0.1, 'p99_below': 10.0}
    assert found['consumers'] == [{'channel': 'notify', 'consumed': 51, 'failed': 1, 'rate': 0.51}]


def test_two_servers_are_added_up():
    other = report(id='two', pid=8, finished=[['CALL', 'ok', 100]], durations={})
    found = report_rules.summary([other, report()], 111.0, queue={'length': 4, 'oldest_age': 2.0})
    assert [server['pid'] for server in found['servers']] == [7, 8]
    assert (found['in_flight'], found['waiting'], found['finished'], found['rate']) == (20, 6, 200, 2.0)
    assert [one['in_flight'] for one in found['operations']] == [2, 18]
    assert found['queue'] == {'length': 4, 'oldest_age': 2.0}


def test_who_has_fallen_silent_counts_in_no_sum():
    dead = report(id='two', pid=8, at=106.5, in_flight=5, running=[{'operation': 'CALL'}])
    found = report_rules.summary([dead, report()], 111.0)
    assert [server['state'] for server in found['servers']] == ['running', 'dead?']
    assert [server['pid'] for server in report_rules.living(found['servers'])] == [7]
    alone = report_rules.summary([report()], 111.0)
    assert {name: found[name] for name in found if name != 'servers'} == {
        name: alone[name] for name in alone if name != 'servers'}
    # Not yet: others take over three seconds after its last heartbeat.
    assert report_rules.summary([report(at=107.5)], 111.0)['servers'][0]['state'] == 'running'


def test_rates_are_those_between_two_readings():
    later = report(at=112.0, finished=[['REQUEST', 'ok', 110], ['REQUEST', 'timeout', 8]],
                   consumed=[['notify', 'ok', 54]])
    before = report(finished=[['REQUEST', 'ok', 100], ['REQUEST', 'timeout', 8]],
                    consumed=[['notify', 'ok', 50]])
    found = report_rules.summary([later], 112.0, [before])
    assert (found['rate'], found['operations'][1]['rate'], found['consumers'][0]['rate']) == (5.0, 5.0, 2.0)
    # A server that was started in between counts since its start.
    assert report_rules.summary([report()], 112.0, [report(id='other')])['rate'] == 1.0
    # The same report again says nothing of the time in between.
    assert report_rules.summary([later], 112.0, [later])['rate'] == 0.0


def test_recent_durations_are_those_between_two_readings_where_there_are_any():
    later = report(durations={'REQUEST': {'counts': [50, 40, 19, 1]}})
    since_start = report_rules.summary([later], 111.0, [report()])
    assert since_start['operations'][1]['duration']['p50'] == pytest.approx(0.2125)
    recent = report_rules.summary([later], 111.0, [report()], recent=True)
    assert recent['operations'][1]['duration']['p50'] == 5.5
    none = report_rules.summary([report()], 111.0, [report()], recent=True)
    assert none['operations'][1]['duration']['p50'] == 0.1


@pytest.mark.parametrize(
    ('counts', 'share', 'expected'),
    [
        ({}, 0.5, None),
        ({1.0: 0}, 0.5, None),
        ({1.0: 4}, 0.5, 0.5),
        ({1.0: 4, 2.0: 4}, 0.5, 1.0),
        ({1.0: 4, 2.0: 4}, 0.75, 1.5),
        ({1.0: 0, 2.0: 4}, 0.5, 1.5),
        ({1.0: 1, float('inf'): 3}, 0.99, 1.0),  # not known better
    ],
)
def test_percentiles(counts, share, expected):
    assert report_rules.percentile(counts, share) == expected


@pytest.mark.parametrize(
    ('counts', 'shown'), [([0, 1, 0, 0], ['<1s', '<1s']), ([1, 1, 0, 0], ['<100ms', '<1s']),
                          ([1, 0, 0, 5], ['>10s', '>10s'])])
def test_the_table_claims_no_more_than_the_classes_say(counts, shown):
    found = report_rules.summary([report(durations={'REQUEST': {'counts': counts}})], 111.0)
    assert list(report_text.operation_rows(found)[2][3:5]) == shown


def test_servers_of_an_older_release_say_less():
    old = report()
    for name in ('in_flight_by_operation', 'durations', 'bounds', 'consumed', 'layer', 'places'):
        del old[name]
    old['running'] = [{'operation': 'REQUEST'}, {'operation': 'REQUEST'}]
    (request,) = report_rules.summary([old], 111.0)['operations']
    assert (request['in_flight'], request['duration']['p50']) == (2, None)
    assert report_text.as_text('request.async', report_rules.summary([{}], 111.0))


def test_the_table():
    found = report_rules.summary([report()], 111.0, queue={'length': 4, 'oldest_age': 2.0})
    lines = report_text.as_text('request.async', found).splitlines()
    assert lines[0] == '4 messages wait on request.async, the oldest for 2s'
    assert lines[2].split() == [
        'SERVER', 'STATE', 'UP', 'IN', 'FLIGHT', 'WAITING', 'PLACES', 'CONSUMING', 'PER', 'SECOND']
    assert lines[3].split() == ['h:7', 'running', '2m', '10', '3', '1000', '1', '1.0']
    assert lines[7].split() == [
        'REQUEST', '9', '1.0', '<100ms', '<10s', '-', '-', '100', '8', '(timeout', '8)']
    assert lines[10].split() == ['notify', '0.5', '51', '1']


@pytest.mark.parametrize(
    ('more', 'words'),
    [
        ({'at': 100.0}, 'dead?, silent for 11s'),
        ({'layer': {'connected': False}}, 'running, without Redis'),
        ({'state': 'draining'}, 'draining'),
    ],
)
def test_a_server_that_is_not_well(more, words):
    assert words in report_text.as_text('a', report_rules.summary([report(**more)], 111.0))


def test_what_runs_and_what_failed():
    running = [{'id': 'a', 'operation': 'CALL', 'target': 'f', 'begun_at': 109.0, 'deadline_at': 121.0},
               {'id': 'b', 'operation': 'CALL', 'target': 'g', 'begun_at': 101.0, 'deadline_at': None}]
    error = {'operation': 'CALL', 'target': 'f', 'outcome': 'timeout', 'count': 3,
             'last_at': 51.0, 'reason': 'r'}
    found = report_rules.summary([report(running=running, errors=[error])], 111.0)
    assert report_text.running_rows(found)[1:] == [
        ('CALL', '10s', '-', 'g', 'h:7'), ('CALL', '2s', '10s', 'f', 'h:7')]
    assert report_text.error_rows(found)[1:] == [('CALL', '3', '60s', 'timeout', 'f', 'r')]


@pytest.mark.parametrize(
    ('seconds', 'shown'),
    [(None, '-'), (0, '0ms'), (0.0123, '12ms'), (0.9996, '1s'), (1.234, '1.23s'), (61, '61s'), (600, '10m'),
     (7200, '2h'), (864000, '10d')],
)  # fmt: skip
def test_times_are_short(seconds, shown):
    assert report_text.shown_time(seconds) == shown


STRANGE = [None, 7, -1, 'x', b'\xff', '\x1b[2J\n', [], [[]], [None], {}, {'a': {'counts': 'x'}}, float('nan'),
           float('inf'), 10 ** 400, True, [['a', 'b', 'c']], [['\x1b', 7, 1]],
           {'REQUEST': {'counts': [None, 'x']}}]


@pytest.mark.parametrize('value', STRANGE, ids=repr)
def test_what_no_server_wrote_harms_nobody(value):
    strange = {name: value for name in list(report()) + ['errors', 'running', 'queue_waits']}
    for reports, before in (([strange], None), ([strange, report()], [strange]), ([report()], [strange])):
        found = report_rules.summary(reports, 111.0, before, recent=True)
        said = report_text.as_text('request.async', found)
        assert '\x1b' not in said
        assert json.loads(json.dumps(found, allow_nan=False))['servers']
