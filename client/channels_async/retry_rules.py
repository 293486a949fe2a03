"""When a request is tried again, and after how long; shared by the server and the inline form.

Pure functions. The statuses and the Retry-After are those of urllib3's Retry, and 504.
"""

from __future__ import unicode_literals

import re
from email.utils import mktime_tz, parsedate_tz

#: Methods whose repetition does no harm (RFC 9110 section 9.2.2).
REPEATABLE = frozenset(('GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'))

#: Answers of those who may do better in a moment; others would answer the same again.
RETRIED_STATUSES = frozenset((429, 502, 503, 504))

#: Seconds before the first repetition; each later one waits twice as long, up to the longest.
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0

_SECONDS = re.compile(r'[0-9]{1,9}\Z')


def may_repeat(method, idempotent):
    """Whether a request may be sent again when nobody knows what became of the first."""
    return idempotent or method in REPEATABLE


def pause(repetition, chance, left, retry_after=None):
    """Seconds to wait before a repetition, or None where there is no time for it.

    repetition   int: how many there have been
    chance       float, 0 to 1: jitter, lest those who failed together come back together
    left         seconds until the deadline
    retry_after  seconds that the upstream has asked for, or None; never less than these
    """
    longest = min(FIRST_PAUSE * 2 ** min(repetition, 30), LONGEST_PAUSE)
    seconds = max(longest * (0.5 + chance / 2), retry_after or 0)
    return seconds if seconds < left else None


def retry_after(headers, now):
    """Seconds that a Retry-After header asks for (RFC 9110 section 10.2.3), or None.

    headers  list of (bytes, bytes)
    now      epoch seconds
    """
    for name, value in headers:
        if name.lower() == b'retry-after':
            value = value.decode('latin-1').strip()
            if _SECONDS.match(value):
                return float(value)
            date = parsedate_tz(value)
            try:
                return max(mktime_tz(date) - now, 0.0) if date else None
            except (OverflowError, ValueError):
                return None
    return None
