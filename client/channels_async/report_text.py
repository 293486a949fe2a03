"""The summary of a site's servers (report_rules.py) as tables for a terminal.

Pure functions on plain values.
"""

from __future__ import unicode_literals

from channels_async.report_rules import DEAD, FINE


def server_rows(found):
    """Lines of a table: its head, then one for each server."""
    rows = [('SERVER', 'STATE', 'UP', 'IN FLIGHT', 'WAITING', 'PLACES', 'CONSUMING', 'PER SECOND')]
    for server in found['servers']:
        state = server['state']
        if state == DEAD:
            state += ', silent for {}'.format(shown_time(server['silent']))
        elif not server['connected']:
            state += ', without Redis'
        rows.append((
            '{}:{}'.format(server['host'], server['pid']), state, shown_time(server['uptime']),
            '{}'.format(server['in_flight']), '{}'.format(server['waiting']), '{}'.format(server['places']),
            '{}'.format(server['consuming']), '{:.1f}'.format(server['rate']),
        ))  # fmt: skip
    return rows


def operation_rows(found):
    """Lines of a table: its head, then one for each operation."""
    rows = [(
        'OPERATION', 'IN FLIGHT', 'PER SECOND', 'P50', 'P99', 'QUEUE P50', 'QUEUE P99', 'DONE', 'FAILED',
    )]  # fmt: skip
    for one in found['operations']:
        rows.append((
            one['operation'], '{}'.format(one['in_flight']), '{:.1f}'.format(one['rate']),
            _below(one['duration'], 'p50'), _below(one['duration'], 'p99'),
            _below(one['queue_wait'], 'p50'), _below(one['queue_wait'], 'p99'),
            '{}'.format(one['finished']), shown_failures(one),
        ))  # fmt: skip
    return rows


def _below(found, label):
    """What is known of a percentile: not where in its class it lies."""
    if found[label] is None:
        return '-'
    bound = found[label + '_below']
    return '>' + shown_time(found[label]) if bound is None else '<' + shown_time(bound)


def consumer_rows(found):
    """Lines of a table: its head, then one for each channel of the project's own."""
    rows = [('CHANNEL', 'PER SECOND', 'DONE', 'FAILED')]
    for one in found['consumers']:
        rows.append((
            one['channel'], '{:.1f}'.format(one['rate']), '{}'.format(one['consumed']),
            '{}'.format(one['failed']),
        ))  # fmt: skip
    return rows


def running_rows(found):
    """Lines of a table: its head, then one for each of the oldest operations in flight."""
    return [('IN FLIGHT', 'FOR', 'LEFT', 'TARGET', 'SERVER')] + [
        (one['operation'], shown_time(one['age']), shown_time(one['left'] and max(0.0, one['left'])),
         one['target'], one['server'])
        for one in found['running']
    ]  # fmt: skip


def error_rows(found):
    """Lines of a table: its head, then one for each kind of error of the last hour, the last first."""
    return [('FAILED', 'TIMES', 'AGO', 'OUTCOME', 'TARGET', 'REASON')] + [
        (one['operation'], '{}'.format(one['count']), shown_time(max(0.0, found['at'] - one['last_at'])),
         one['outcome'], one['target'], one['reason'])
        for one in found['errors']
    ]


def shown_failures(operation):
    """How many failed, and of what."""
    kinds = sorted(
        ((number, outcome) for outcome, number in operation['outcomes'].items() if outcome not in FINE),
        reverse=True,
    )
    words = ', '.join('{} {}'.format(outcome, number) for number, outcome in kinds[:3])
    return '{}{}'.format(operation['failed'], ' ({})'.format(words) if words else '')


def shown_queue(channel, found):
    """One line on what waits."""
    queue = found['queue']
    if queue is None:
        return 'what waits on {} cannot be seen on this layer'.format(channel)
    if not queue['length']:
        return 'nothing waits on {}'.format(channel)
    return '{} messages wait on {}, the oldest for {}'.format(
        queue['length'], channel, shown_time(queue['oldest_age']))


def shown_time(seconds):
    """A duration in three or four letters."""
    if seconds is None:
        return '-'
    if seconds < 0.9995:
        return '{:.0f}ms'.format(seconds * 1000)
    if seconds < 99.5:
        return '{:.3g}s'.format(seconds)
    if seconds < 6000:
        return '{:.0f}m'.format(seconds / 60)
    return '{:.0f}h'.format(seconds / 3600) if seconds < 360000 else '{:.0f}d'.format(seconds / 86400)


def as_text(channel, found):
    """All of it for a terminal."""
    tables = [server_rows(found)] + [
        rows for rows in (operation_rows(found), consumer_rows(found)) if len(rows) > 1]
    lines = [shown_queue(channel, found)]
    for rows in tables:
        lines += [''] + _aligned(rows)
    return '\n'.join(lines) + '\n'


def _aligned(rows):
    widths = [max(len(row[number]) for row in rows) for number in range(len(rows[0]))]
    padded = [[cell.ljust(widths[number]) for number, cell in enumerate(row)] for row in rows]
    return ['  '.join(row).rstrip() for row in padded]
