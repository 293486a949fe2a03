# -*- coding: utf-8 -*-
"""What is taken of a report that lies in Redis, whoever wrote it."""

from __future__ import unicode_literals

import json

import pytest

from channels_async import redis_rules, report_bounds, report_rules, report_text

GOOD = {
    'version': 1, 'id': 'a', 'host': 'h', 'pid': 7, 'at': 110.0, 'started_at': 10.0, 'state': 'running',
    'channels': ['request.async'], 'places': {'total': 10, 'free': 9}, 'in_flight': 1,
    'running': [{'id': 'x', 'operation': 'CALL', 'target': 't', 'begun_at': 1.0, 'deadline_at': 2.0}],
    'finished': [['CALL', 'ok', 5]], 'durations': {'CALL': {'counts': [1, 2], 'sum': 1.5}},
    'upstreams': [['h', '2xx', 5, 1.5]], 'layer': {'connected': True, 'sent': 1},
    'receiving': [{'connected': True, 'still': 0.5}], 'queues': {'in': {'length': 1, 'oldest_age': 0.5}},
}  # fmt: skip

ESCAPES = '\x1b]0;x\x07\x9b\x7f\n\u2028\u2029\u202e\u2066\u2069\u200f'

HARM = set(ESCAPES) - set(']0;x')

STRANGE = [
    None, 5, 10 ** 400, float('nan'), float('inf'), True, 'x', b'request.async', b'\xff' * 9999, ESCAPES,
    ESCAPES * 99999, [], [[]], [[1], {}], {}, {1: 2, b'\xff': 3}, {ESCAPES: ESCAPES},
    {'a': {'counts': 'x', 'sum': []}}, [[{'a': 1}, ['b'], 3], [1, 2], 5, None], [{'reason': [1]}] * 99999,
]  # fmt: skip


def test_what_a_server_writes_is_taken_as_it_is():
    assert report_bounds.bounded(GOOD) == GOOD
    assert report_bounds.bounded(dict(GOOD, later=1)) == GOOD


@pytest.mark.parametrize('value', STRANGE, ids=list(map(str, range(len(STRANGE)))))
def test_of_anything_else_nothing_harmful_is_left(value):
    strange = dict.fromkeys(report_bounds.FIELDS, value)
    taken = report_bounds.bounded(strange)
    said = json.dumps(taken, allow_nan=False, ensure_ascii=False)
    assert not HARM & set(said)
    assert len(said) < 1000000
    assert report_bounds.bounded(taken) == taken
    assert report_bounds.bounded(value) is None or isinstance(value, dict)


@pytest.mark.parametrize('value', STRANGE, ids=list(map(str, range(len(STRANGE)))))
def test_findings_of_strange_reports_are_short_lines(value):
    for strange in (dict.fromkeys(report_bounds.FIELDS, value), dict(GOOD, at=1.0, host=value, pid=value)):
        found = redis_rules.serving_findings('nobodys', [strange], 0)
        found += redis_rules.clock_findings([strange], 110.0)
        for finding in found:
            assert not HARM & set(finding.about + finding.problem)
            assert len(finding.about + finding.problem) < 1000


def test_a_terminal_is_not_moved_by_what_turns_or_ends_lines():
    said = report_text.as_text('in', report_rules.summary([dict(GOOD, host=ESCAPES, state=ESCAPES)], 111.0))
    assert not (HARM - set('\n')) & set(said)


def test_letters_of_every_language_stay():
    assert report_bounds.cut('h\xf6st \u65e5\u672c \u200d') == 'h\xf6st \u65e5\u672c \u200d'
