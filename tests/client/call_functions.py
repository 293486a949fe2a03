"""Functions that tests call: plain ones, for every Python."""

from __future__ import unicode_literals

from call_cases import RETURNED, STREAMED, WRONG

from channels_async import call_rules

closed = []


def case(table, number):
    """What one of the cases returns."""
    if table == 'streamed':
        items, headers = STREAMED[number][:2]
        return iter(items) if headers is None else (200, headers, iter(items))
    return {'returned': RETURNED, 'wrong': WRONG}[table][number][0]


def given(*args, **kwargs):
    return {'args': args, 'kwargs': kwargs}


def told(size, context):
    return {'size': size, 'id': context.id, 'remaining': context.remaining(), 'deadline': context.deadline}


def fail():
    raise ValueError('a secret')


def stream_and_fail(before):
    try:
        for number in range(before):
            yield 'item {} '.format(number)
        raise ValueError('a secret')
    finally:
        closed.append(True)


def of_length(length, *items):
    return 200, {'Content-Length': length}, iter(items)


def leave(*items):
    """What ends a process, unless somebody catches it."""
    for item in items:
        yield item
    raise SystemExit(3)


def wait(context):
    while True:
        context.check_cancelled()


def wait_in_a_stream(context):
    yield 'first'
    while context.remaining():
        pass
    yield 'too late'


class Mark(object):
    """What @call of the server leaves on a function."""

    def __init__(self, name):
        self.name = name


def marked():
    return 'marked'


def named():
    return 'named'


setattr(marked, call_rules.MARK, Mark(None))
setattr(named, call_rules.MARK, Mark('other.name'))
