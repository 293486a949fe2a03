"""Whom an order is told, and how: by a call to somebody else's slow API. No Django, and any Python."""

from __future__ import unicode_literals

import os

#: Who, and the seconds that it takes.
TOLD = [('customer', 5), ('oven', 5), ('courier', 5), ('accountant', 30)]

UPSTREAM = os.environ.get('ASYNCDEMO_UPSTREAM', 'http://127.0.0.1:8001')
SCALE = float(os.environ.get('ASYNCDEMO_SCALE', '1'))  # of all these seconds


def address(who, order):
    """The URL that takes so long to answer."""
    return '{}/delay/{:g}?who={}&order={}'.format(UPSTREAM, dict(TOLD)[who] * SCALE, who, order)
