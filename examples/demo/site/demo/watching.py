"""What the Trio servers of the site do now: each says it in Redis, once a second."""

from __future__ import unicode_literals

from channels_async import seen

SHOWN = 60  # operations


def running(layer, now):
    """What server_trio/reporting.py describes, as far as the index shows it.

    `layer`: Channels'; `now`: epoch seconds, as are all times in it.
    """
    found = sorted(seen.reports(layer), key=lambda report: report['pid'])
    operations = [
        dict(operation, server=report['pid']) for report in found for operation in report['running']
    ]
    operations.sort(key=lambda operation: operation['begun_at'])
    return {
        'now': now,
        'servers': [
            {
                'host': report['host'],
                'pid': report['pid'],
                'state': report['state'],
                'in_flight': report['in_flight'],
                'places': report['places'],
                'finished': sum(number for _, _, number in report['finished']),
            }
            for report in found
        ],
        'running': operations[:SHOWN],
    }
