"""What a process writes to stderr, as lines for a log: none too long, not too many, nothing unprintable."""

from __future__ import unicode_literals

import re

LONGEST = 1000  # bytes of a line; the rest of it is left out
AT_ONCE = 100  # lines in a second; those beyond are counted

_UNPRINTABLE = re.compile('[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffd]')


class StderrLines(object):
    """Takes bytes as they come and gives lines, as text. It reads no clock and writes no log."""

    def __init__(self, tail):
        """
        tail  int: how many bytes of the end are kept
        """
        self._keep = tail
        self._end = b''
        self._line = b''
        self._second = None
        self._in_second = 0
        self._left_out = 0

    def feed(self, data, now):
        """The lines that `data` (bytes) completes, as a list of text. `now` is a float in seconds."""
        self._end = (self._end + data)[-self._keep:]
        if self._second is None or not 0 <= now - self._second < 1:
            self._second, self._in_second = now, 0
        lines = []
        pieces = data.split(b'\n')
        for number, piece in enumerate(pieces):
            self._line += piece[:LONGEST + 1 - len(self._line)]
            if number < len(pieces) - 1:
                self._take(lines)
        return lines

    def finish(self):
        """The last lines, once there is no more: the one without a line break, and how many were left out."""
        lines = []
        if self._line:
            self._take(lines)
        if self._left_out:
            lines.append('({} lines are left out)'.format(self._left_out))
            self._left_out = 0
        return lines

    def tail(self):
        """The end of it all, as text that can be shown."""
        return printable(self._end).strip()

    def _take(self, lines):
        line, self._line = self._line, b''
        if self._in_second >= AT_ONCE:
            self._left_out += 1
            return
        self._in_second += 1
        lines.append(printable(line[:LONGEST].rstrip(b'\r')) + ('...' if len(line) > LONGEST else ''))


def printable(data):
    """Bytes as text in which nothing can move a cursor or begin a line but a line break itself."""
    return _UNPRINTABLE.sub('?', data.decode('utf-8', 'replace'))
