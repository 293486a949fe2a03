"""Trying a request again in the view, by the rules of the server (retry_rules)."""

from __future__ import unicode_literals

import random
import time

from channels_async import retry_rules
from channels_async.upstream_errors import FetchError


class Attempts(object):
    """The repetitions that one operation may make, over all of its redirects.

    left  function: the seconds until its deadline; raises FetchError when there are none
    """

    def __init__(self, request, left):
        self._retries = request.retries
        self._idempotent = request.idempotent
        self._left = left
        self._made = 0

    def response(self, method, exchange):
        """What `exchange()` returns, called again and again where that is allowed.

        exchange  function: a response and the ResponseReader of its head; raises FetchError
        """
        while True:
            try:
                response, reader = exchange()
            except FetchError as error:
                seconds = self._pause(method, None) if error.passing else None
                if seconds is None:
                    raise
            else:
                if reader.status not in retry_rules.RETRIED_STATUSES:
                    return response
                seconds = self._pause(method, retry_rules.retry_after(reader.headers, time.time()))
                if seconds is None:
                    return response
                response.close()
            time.sleep(seconds)

    def _pause(self, method, retry_after):
        """Seconds before the next repetition, which is counted; None where there is to be none."""
        if self._made >= self._retries or not retry_rules.may_repeat(method, self._idempotent):
            return None
        chance = random.random()  # noqa: S311 - no secret
        seconds = retry_rules.pause(self._made, chance, self._left(), retry_after)
        self._made += 1
        return seconds
