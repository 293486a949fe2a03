"""How long a worker may wait for places on full channels: for moments, and not for a flood."""

from __future__ import unicode_literals

import threading

SHARE = 0.1  # of its time


class Patience(threading.local):
    """What a thread has waited of late, forgotten by a tenth of the time that goes by.

    A worker that waited for each operation of a flood would serve two pages a second and no more, whatever
    they ask for. So it waits for one bound, and from then on for a tenth of its time: what is left is
    refused at once.
    """

    def __init__(self):
        self._waited = 0.0  # seconds
        self._then = None  # when that was so; seconds of a clock that only this object compares

    def left(self, bound, now):
        """Seconds of `bound` that may be waited now."""
        if self._then is not None:
            passed = max(0.0, now - self._then)  # a clock can be set back
            self._waited = max(0.0, self._waited - SHARE * passed)
        self._then = now
        return max(0.0, bound - self._waited)

    def spend(self, seconds):
        """So long it has waited."""
        self._waited += seconds
