"""When what is done again and again is done: together, so that an idle server is woken once for all of it."""

from __future__ import annotations

import math

import trio


def next_time(interval: float) -> float:
    """The next multiple of `interval` on Trio's clock, which begins anywhere: servers do not beat as one.

    Seconds, as trio.sleep_until takes them; later than now by a hundredth of the interval at least.
    """
    return (math.floor(trio.current_time() / interval + 0.01) + 1) * interval
