"""What is taken of what lies in Redis as a server's report: anybody who can write there can have written it.

Pure functions on plain values, no Django. server_trio/reporting.py says what is in a report; what is not of
the types that it names is left out, and readers do without what is missing.
"""

from __future__ import unicode_literals

import re

from channels_async._py23 import integers, text

#: Of one shard. A report of 50 operations in flight, 100 upstreams and 100 errors has some 100 KB; what is
#: above is left out.
MOST_SERVERS = 500
LONGEST_REPORT = 512 * 1024  # bytes
LONGEST_READING = 16 * 1024 * 1024  # bytes of all reports together

MOST_ENTRIES = 1000  # of one list or dict
TEXT_LENGTH = 300  # letters

#: Controls of terminals (C0, DEL, C1), and what ends a line or turns the direction of what follows.
_UNSEEN = re.compile('[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]')


def is_number(value):
    """Whether it is one that can be counted with; not NaN, which nothing is equal to."""
    return isinstance(value, integers + (float,)) and not isinstance(value, bool) and abs(value) < 1e15


def cut(value, length=TEXT_LENGTH):
    """A short text of one line, without anything that moves a terminal's cursor."""
    if isinstance(value, bytes):
        value = value[:length].decode('utf-8', 'replace')
    if not isinstance(value, text):
        value = '{!r}'.format(value) if value is None or _is_plain(value) else '?'
    return _UNSEEN.sub('?', value[:length])


def bounded(report):
    """What is a report's of a value that was read: a dict, or None for what is none."""
    if not isinstance(report, dict):
        return None
    return _fields(FIELDS, report)


def _is_plain(value):
    return isinstance(value, bool) or is_number(value)


# Each of these returns what is good of a value, or None for what is of the wrong type.


def _text(value):
    return cut(value) if isinstance(value, (text, bytes)) else None


def _number(value):
    return value if is_number(value) else None


def _flag(value):
    return value if isinstance(value, bool) else None


def _list_of(kind):
    def read(value):
        if not isinstance(value, (list, tuple)):
            return None
        found = [kind(entry) for entry in value[:MOST_ENTRIES]]
        return [entry for entry in found if entry is not None]

    return read


def _row_of(*kinds):
    def read(value):
        if not isinstance(value, (list, tuple)) or len(value) != len(kinds):
            return None
        found = [kind(value[number]) for number, kind in enumerate(kinds)]
        return None if None in found else found

    return read


def _dict_of(kind):
    def read(value):
        if not isinstance(value, dict):
            return None
        found = {}
        for name, inner in list(value.items())[:MOST_ENTRIES]:
            inner = kind(inner)
            if inner is not None and isinstance(name, (text, bytes)):
                found[cut(name)] = inner
        return found

    return read


def _record(**kinds):
    def read(value):
        return _fields(kinds, value) if isinstance(value, dict) else None

    return read


def _fields(kinds, value):
    found = {}
    for name, kind in kinds.items():
        read = kind(value.get(name))
        if read is not None:
            found[name] = read
    return found


_COUNTS = _dict_of(_number)
_HISTOGRAMS = _dict_of(_record(counts=_list_of(_number), sum=_number))

FIELDS = {
    'version': _number, 'id': _text, 'host': _text, 'pid': _number, 'package': _text, 'python': _text,
    'at': _number, 'started_at': _number, 'process': _number, 'state': _text, 'channels': _list_of(_text),
    'places': _COUNTS, 'consumer_places': _COUNTS, 'in_flight': _number, 'in_flight_by_operation': _COUNTS,
    'waiting': _number, 'consuming': _number,
    'running': _list_of(_record(
        id=_text, operation=_text, target=_text, begun_at=_number, deadline_at=_number)),
    'received': _number, 'bad_messages': _number, 'replies_lost': _number, 'bytes_out': _number,
    'finished': _list_of(_row_of(_text, _text, _number)),
    'consumed': _list_of(_row_of(_text, _text, _number)),
    'bounds': _list_of(_number), 'durations': _HISTOGRAMS, 'queue_waits': _HISTOGRAMS,
    'upstreams': _list_of(_row_of(_text, _text, _number, _number)),
    'errors': _list_of(_record(
        operation=_text, target=_text, outcome=_text, count=_number, first_at=_number, last_at=_number,
        reason=_text)),
    'queues': _dict_of(_record(length=_number, oldest_age=_number)),
    'receiving': _list_of(_record(connected=_flag, still=_number)),
    'layer': _record(
        sent=_number, received=_number, full=_number, round_trips=_number, reconnects=_number,
        connected=_flag),
}  # fmt: skip
