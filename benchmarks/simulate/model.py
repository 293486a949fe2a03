"""What queueing theory says of a station of servers. Times are seconds, rates are a second.

`load` is the offered load: arrivals a second x seconds of service of one, so the number that would be in
service if there were room for all. Divided by the number of places it is the utilisation.
"""

from __future__ import annotations

import math
from statistics import NormalDist


def in_flight(rate: float, seconds: float) -> float:
    """Little's law (Little 1961)."""
    return rate * seconds


def waits(places: int, load: float) -> float:
    """The share of arrivals that find all places taken and wait for one: Erlang's C formula."""
    blocked = 1.0
    for number in range(1, places + 1):  # Erlang's B, by its recursion
        blocked = load * blocked / (number + load * blocked)
    utilisation = load / places
    return blocked / (1 - utilisation * (1 - blocked))


def wait_exponential(places: int, load: float, seconds: float) -> float:
    """The mean wait for a place where times of service vary much (M/M/c)."""
    return waits(places, load) * seconds / (places - load)


def wait_constant(places: int, load: float, seconds: float) -> float:
    """The mean wait for a place where all take the same time (M/D/c): Cosmetatos' approximation (1975)."""
    utilisation = load / places
    more = (1 - utilisation) * (places - 1) * (math.sqrt(4 + 5 * places) - 2) / (16 * utilisation * places)
    return (1 + more) * wait_exponential(places, load, seconds) / 2


def shared(cost: float, utilisation: float) -> float:
    """The mean time of a piece of work on a processor that all that there is share (M/G/1-PS)."""
    return cost / (1 - utilisation)


def in_time(overload: float, *, constant: bool, bounded: bool) -> float:
    """The share of operations that are answered in time, where more come than can be done.

    `overload`: what comes / what can be done, above 1. `bounded`: what would wait too long finds the channel
    full and is refused at once, so all that begin can end.

    Without a bound the queue grows until so much of each one's time is over at its beginning that the
    places suffice for what is left: `rate x E[min(service, left)] = places`. Where all take the same
    time, what is left is less than each needs, and none is answered; where times are exponential,
    P(service < left) is 1 / overload.
    """
    return 0.0 if constant and not bounded else 1 / overload


def nobody_listens(workers: int, shards: int) -> float:
    """The share of messages that come to a shard where no idle worker listens.

    A worker of Channels 1.x listens on one shard at a time, for five seconds (asgi_redis/core.py:213-220).
    """
    return (1 - 1 / shards) ** workers


def busiest(names: int, shards: int) -> float:
    """How many of `names` reply channels fall on the shard that most fall on, about: a hash spreads them.

    The mean of the largest of so many normal variables (Blom 1958); it wants several names for each shard.
    """
    mean = names / shards
    quantile = NormalDist().inv_cdf((shards - 0.375) / (shards + 0.25)) if shards > 1 else 0.0
    return mean + math.sqrt(mean * (1 - 1 / shards)) * quantile
