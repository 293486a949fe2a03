"""A station of servers, event by event: a FIFO channel, bounded places, a processor shared by what runs.

An operation comes (Poisson) and waits on the channel; a server that has a free place claims it; it takes
its share of that server's processor until it has had its cost, waits for its upstream, and is answered. Its
deadline counts from its coming. Claims are server_trio/receiver.py's, deadlines running.py's.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

Draw = Callable[[random.Random], float]


def constant(seconds: float) -> Draw:
    return lambda dice: seconds


def exponential(mean: float) -> Draw:
    return lambda dice: dice.expovariate(1 / mean)


NOTHING = constant(0.0)


@dataclass
class Station:
    """What there is. Times are seconds."""

    rate: float  # operations a second
    upstream: Draw = NOTHING
    servers: int = 1
    places: int = 10**9  # of each server
    cost: float = 0.0  # of processor, for each operation
    deadline: float = float("inf")
    capacity: int = 10**9  # of the channel
    claims: str = "longest idle"  # or "random": which of the servers that have places gets the next


@dataclass
class Outcome:
    """What became of the operations."""

    waited: list[float] = field(default_factory=list)  # on the channel, of those that were claimed
    took: list[float] = field(default_factory=list)  # from coming to being answered in time
    late: int = 0  # their time was over before their answer
    refused: int = 0  # the channel was full

    @property
    def in_time(self) -> float:
        """The share that was answered in time."""
        return len(self.took) / (len(self.took) + self.late + self.refused)


class Server:
    """One: how many places it has left, and its processor. Its clock stands still when nobody uses it.

    `served` is what each of the present users would have had if it had been there from the beginning: it
    grows by 1/n of the time where there are n. One that comes needs `cost` more than that.
    """

    def __init__(self, places: int) -> None:
        self.free = places
        self.users: list[tuple[float, int]] = []  # (what `served` is at its end, operation), a heap
        self.served = 0.0
        self.since = 0.0
        self.version = 0  # of the end that was foretold last

    def advance(self, now: float) -> None:
        if self.users:
            self.served += (now - self.since) / len(self.users)
        self.since = now

    def next_end(self) -> float:
        return self.since + (self.users[0][0] - self.served) * len(self.users)


class Run:
    """One simulation. Events are (time, number, kind, operation or server, version)."""

    def __init__(self, station: Station, seed: int) -> None:
        self.station = station
        self.dice = random.Random(seed)  # noqa: S311 - no secret
        self.servers = [Server(station.places) for _ in range(station.servers)]
        self.channel: deque[int] = deque()
        self.came: list[float] = []
        self.events: list[tuple[float, int, str, int, int]] = []
        self.numbers = 0
        self.idle = deque(range(station.servers))  # those with free places, the longest waiting first
        self.at: dict[int, int] = {}  # the server of each operation that has been claimed
        self.warm_up = 0  # operations at the beginning that do not count
        self.outcome = Outcome()

    def plan(self, time: float, kind: str, who: int, version: int = 0) -> None:
        self.numbers += 1
        heapq.heappush(self.events, (time, self.numbers, kind, who, version))

    def operations(self, number: int, warm_up: int) -> Outcome:
        """What becomes of so many; the first `warm_up` do not count."""
        self.warm_up = warm_up
        self.plan(self.dice.expovariate(self.station.rate), "comes", 0)
        while self.events:
            now, _, kind, who, version = heapq.heappop(self.events)
            if kind == "comes":
                self.come(now, who)
                if who + 1 < number:
                    self.plan(now + self.dice.expovariate(self.station.rate), "comes", who + 1)
            elif kind == "computed":
                self.computed(now, who, version)
            else:
                self.end(now, who)
        return self.outcome

    def come(self, now: float, operation: int) -> None:
        self.came.append(now)
        if len(self.channel) >= self.station.capacity:
            self.outcome.refused += operation >= self.warm_up
            return
        self.channel.append(operation)
        self.claim(now)

    def claim(self, now: float) -> None:
        while self.channel and self.idle:
            operation = self.channel.popleft()
            counts = operation >= self.warm_up
            if now - self.came[operation] >= self.station.deadline:
                self.outcome.late += counts
                continue
            if counts:
                self.outcome.waited.append(now - self.came[operation])
            if self.station.claims == "random":
                self.idle.rotate(self.dice.randrange(len(self.idle)))
            number = self.idle.popleft()
            server = self.servers[number]
            server.free -= 1
            if server.free:
                self.idle.append(number)
            self.at[operation] = number
            if not self.station.cost:
                self.ask(now, operation)
                continue
            server.advance(now)
            heapq.heappush(server.users, (server.served + self.station.cost, operation))
            self.foretell(number)

    def foretell(self, number: int) -> None:
        server = self.servers[number]
        server.version += 1
        if server.users:
            self.plan(server.next_end(), "computed", number, server.version)

    def computed(self, now: float, number: int, version: int) -> None:
        server = self.servers[number]
        if version != server.version:
            return  # somebody has come since
        server.advance(now)
        _, operation = heapq.heappop(server.users)
        self.foretell(number)
        self.ask(now, operation)

    def ask(self, now: float, operation: int) -> None:
        """The upstream, for as long as there is time."""
        until = self.came[operation] + self.station.deadline
        self.plan(min(now + self.station.upstream(self.dice), max(now, until)), "ends", operation)

    def end(self, now: float, operation: int) -> None:
        number = self.at.pop(operation)
        server = self.servers[number]
        server.free += 1
        if server.free == 1:
            self.idle.append(number)
        if operation >= self.warm_up:
            took = now - self.came[operation]
            if took < self.station.deadline:
                self.outcome.took.append(took)
            else:
                self.outcome.late += 1
        self.claim(now)


def simulate(station: Station, number: int, seed: int, warm_up: float = 0.1) -> Outcome:
    """What becomes of so many operations, of which that share comes first and does not count."""
    return Run(station, seed).operations(number, int(warm_up * number))
