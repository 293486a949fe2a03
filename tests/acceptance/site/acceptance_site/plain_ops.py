"""Functions for either Python: called in the server, and in the view where there is none."""

from __future__ import unicode_literals

import datetime
import decimal

from acceptance_site.models import Note

ANSWERS = {
    'json': {'text': 'caf\xe9'},
    'list': [datetime.datetime(2020, 1, 2, 3, 4, 5, 678901), decimal.Decimal('1.50'), None, True],
    'text': 'caf\xe9 <b>',
    'bytes': b'\xff\xfe',
    'none': None,
    'tuple': (201, [('X-A', '1'), ('Set-Cookie', 'theirs=1'), ('Set-Cookie', 'more=2')], {'made': 1}),
    'redirect': (302, {'Location': '/quick/'}, None),
}


def answer(kind):
    return ANSWERS[kind]


def stream(*items):
    for item in items:
        yield item


def count():
    return {'notes': Note.objects.count() >= 0}
