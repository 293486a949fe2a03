"""What a server says of itself, once a second, to whoever looks at the site: a dict of plain values.

It lies in Redis (layers/redis_reports.py), and is what `status`, `top`, the status page, the metrics and
`manage.py channels_async_status` are made from. All times are epoch seconds, all durations seconds. A reader
must bear names that it does not know, and do without those that are missing: servers of two releases run
side by side during a deployment.

    version      1
    id           text: this process, new with each start
    host, pid    where it runs
    package, python  versions, text
    at           when this was written
    started_at   when the process began to serve
    process      number of the process among those of its parent, from 1; 0 where it has none
    state        'running', 'draining', 'aborting' or 'stopped'
    channels     list of text: what it takes messages from
    places       {'total': n, 'free': n}: operations at once; 0 of 0 where it takes none
    consumer_places  the same for consumers; None where it runs none
    in_flight    n operations, claimed and not answered
    in_flight_by_operation  {operation: n}
    waiting      of these, n that wait for their turn
    consuming    n messages of the project's own channels whose consumers are at work
    running      list of the oldest operations in flight, RUNNING_SHOWN at the most:
                 {'id', 'operation', 'target', 'begun_at', 'deadline_at'}; no target holds a secret
    received, bad_messages, replies_lost, bytes_out
                 n since the start
    finished     list of [operation, outcome, n since the start]
    consumed     list of [channel, outcome, n since the start]
    bounds       list of the upper bounds of the classes in durations and queue_waits, seconds
    durations    {operation: {'counts': list of n, one for each bound and one for what took longer, 'sum':
                 seconds}} since the start: from being claimed to being answered
    queue_waits  the same from the view to the begin, turns included; not for messages of 2017, which do not
                 say when they were sent
    upstreams    list of [host, outcome, n, seconds] since the start: attempts, and the time until the heads
                 of their answers. '2xx' to '5xx', 'timeout', 'unreachable' (no connection), 'cancelled', and
                 other outcomes of operations; beyond 100 hosts the rest is 'other'
    errors       list, the last first, of the kinds of errors of the last hour: {'operation', 'target',
                 'outcome', 'count', 'first_at', 'last_at', 'reason' of the last}
    queues       {channel: {'length': messages, 'oldest_age': seconds}} of the site, at most QUEUES_SHOWN and
                 some seconds old
    receiving    list, one for each shard, of {'connected', 'still': seconds for which receiving has not
                 moved; it does every few seconds}; readiness.py reads it
    layer        {'sent', 'received', 'full', 'round_trips', 'reconnects', 'connected'}: LayerStatistics
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import platform
import secrets
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import trio

from channels_async import __version__

from .errors import LayerError
from .layers.base import Layer, LayerStatistics
from .operating import Operations
from .receiver import Places
from .rhythm import next_time
from .running import Running
from .stats import BOUNDS, Statistics, Upstreams

INTERVAL: Final = 1.0  # seconds between two reports

#: Operations that a report names: those that have been running the longest.
RUNNING_SHOWN: Final = 50

TARGET_LENGTH: Final = 200  # characters of an operation's target

#: Channels whose queues are asked for, and seconds between two times.
QUEUES_SHOWN: Final = 50
QUEUE_INTERVAL: Final = 5.0


class Reporter:
    """Writes the reports of one server."""

    def __init__(
        self,
        statistics: Callable[[], Statistics],
        operations: Operations,
        state: Callable[[], str],
        channels: list[str],
        places: Places | None,
        consumer_places: Places | None,
    ) -> None:
        self._statistics = statistics
        self._in_flight = operations.in_flight
        self._errors = operations.counters.errors
        self._state = state
        self._channels = channels
        self._places = places
        self._consumer_places = consumer_places
        self._queues: dict[str, dict[str, Any]] = {}
        self._upstreams = Upstreams()
        self._id = secrets.token_hex(8)
        self._host = socket.gethostname()
        self._started_at = time.time()
        self._layer: Layer | None = None

    def begin(self, layer: Layer, upstreams: Upstreams) -> None:
        """From now on the layer and the HTTP client are there, and have things to say."""
        self._layer, self._upstreams = layer, upstreams

    async def site(self) -> Sequence[Mapping[str, Any]]:
        """The reports of all servers of the site. Raises LayerUnavailable; none before the layer is open."""
        return [] if self._layer is None else await self._layer.reports()

    async def publish_forever(self, layer: Layer) -> None:
        """Leave a report on the layer each INTERVAL. A layer that is away has none."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._ask_for_queues, layer)
            while True:
                with contextlib.suppress(LayerError):  # the layer itself says that it is away
                    await layer.publish(self.report())
                await trio.sleep_until(next_time(INTERVAL))

    async def _ask_for_queues(self, layer: Layer) -> None:
        """What waits on the channels, now and then: it is a question to each shard for each of them."""
        while True:
            found: dict[str, dict[str, Any]] = {}
            for channel in self._channels[:QUEUES_SHOWN]:
                with contextlib.suppress(LayerError):
                    queue = await layer.queue(channel)
                    if queue is not None:
                        found[channel] = dataclasses.asdict(queue)
            self._queues = found
            await trio.sleep_until(next_time(QUEUE_INTERVAL))

    def report(self) -> dict[str, Any]:
        """What there is to say now; also before the layer is open."""
        statistics, now = self._statistics(), time.time()
        return {
            "version": 1,
            "id": self._id,
            "host": self._host,
            "pid": os.getpid(),
            "package": __version__,
            "python": platform.python_version(),
            "at": now,
            "started_at": self._started_at,
            "process": 0,  # their parent knows better
            "state": self._state(),
            "channels": self._channels,
            "places": _places(self._places) or {"total": 0, "free": 0},
            "consumer_places": _places(self._consumer_places),
            "in_flight": statistics.in_flight,
            "in_flight_by_operation": self._in_flight.by_operation,
            "waiting": statistics.waiting,
            "consuming": statistics.consuming,
            "running": [_shown(running) for running in self._in_flight.oldest(RUNNING_SHOWN)],
            "received": statistics.received,
            "bad_messages": statistics.bad_messages,
            "replies_lost": statistics.replies_lost,
            "bytes_out": statistics.bytes_out,
            "finished": [[*what, number] for what, number in statistics.finished.items()],
            "consumed": [[*what, number] for what, number in statistics.consumed.items()],
            "bounds": list(BOUNDS),
            "durations": statistics.durations,
            "queue_waits": statistics.queue_waits,
            "upstreams": self._upstreams.plain(),
            "errors": self._errors.plain(now),
            "queues": dict(self._queues),
            **self._of_layer(),
        }

    def _of_layer(self) -> dict[str, Any]:
        layer = self._layer
        if layer is None:  # it is not open yet
            return {"receiving": [], "layer": dataclasses.asdict(LayerStatistics(0, 0, 0, 0, 0, False))}
        return {
            "receiving": [dataclasses.asdict(shard) for shard in layer.receiving()],
            "layer": dataclasses.asdict(layer.statistics()),
        }


def _places(places: Places | None) -> dict[str, int] | None:
    return None if places is None else {"total": places.total, "free": places.free}


def _shown(running: Running) -> dict[str, Any]:
    return {
        "id": running.operation.id,
        "operation": running.operation.name,
        # Its repr shows method and host, nothing secret.
        "target": str(running.operation.details)[:TARGET_LENGTH],
        "begun_at": running.begun_at,
        "deadline_at": running.deadline_at,
    }
