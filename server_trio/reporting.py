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
    state        'running', 'draining', 'aborting' or 'stopped'
    channels     list of text: what it takes messages from
    places       {'total': n, 'free': n}: operations at once
    in_flight    n operations, claimed and not answered
    waiting      of these, n that wait for their turn
    consuming    n messages of the project's own channels whose consumers are at work
    running      list of the oldest operations in flight, RUNNING_SHOWN at the most:
                 {'id', 'operation', 'target', 'begun_at', 'deadline_at' or None}; no target holds a secret
    received, bad_messages, replies_lost, bytes_out
                 n since the start
    finished     list of [operation, outcome, n since the start]
    consumed     list of [channel, outcome, n since the start]
    layer        {'sent', 'received', 'full', 'round_trips', 'reconnects', 'connected'}: LayerStatistics
"""

from __future__ import annotations

import contextlib
import heapq
import os
import platform
import secrets
import socket
import time
from collections.abc import Callable
from typing import Any, Final

import trio

from channels_async import __version__

from .errors import LayerError
from .inflight import InFlight
from .layers.base import Layer
from .running import Running
from .stats import Statistics

INTERVAL: Final = 1.0  # seconds between two reports

#: Operations that a report names: those that have been running the longest.
RUNNING_SHOWN: Final = 50


class Reporter:
    """Writes the reports of one server."""

    def __init__(
        self,
        statistics: Callable[[], Statistics],
        in_flight: InFlight,
        state: Callable[[], str],
        channels: list[str],
        places: Callable[[], dict[str, int]],
    ) -> None:
        self._statistics = statistics
        self._in_flight = in_flight
        self._state = state
        self._channels = channels
        self._places = places
        self._id = secrets.token_hex(8)
        self._host = socket.gethostname()
        self._started_at = time.time()
        self._layer: Layer | None = None

    def current(self) -> dict[str, Any] | None:
        """The report of this moment; None before the layer is open."""
        return None if self._layer is None else self.report(self._layer)

    async def publish_forever(self, layer: Layer) -> None:
        """Leave a report on the layer each INTERVAL. A layer that is away has none."""
        self._layer = layer
        while True:
            with contextlib.suppress(LayerError):  # the layer itself says that it is away
                await layer.publish(self.report(layer))
            await trio.sleep(INTERVAL)

    def report(self, layer: Layer) -> dict[str, Any]:
        """What there is to say now."""
        statistics = self._statistics()
        of_layer = layer.statistics()
        return {
            "version": 1,
            "id": self._id,
            "host": self._host,
            "pid": os.getpid(),
            "package": __version__,
            "python": platform.python_version(),
            "at": time.time(),
            "started_at": self._started_at,
            "state": self._state(),
            "channels": self._channels,
            "places": self._places(),
            "in_flight": statistics.in_flight,
            "waiting": statistics.waiting,
            "consuming": statistics.consuming,
            "running": [_shown(running) for running in self._oldest()],
            "received": statistics.received,
            "bad_messages": statistics.bad_messages,
            "replies_lost": statistics.replies_lost,
            "bytes_out": statistics.bytes_out,
            "finished": [[*what, number] for what, number in statistics.finished.items()],
            "consumed": [[*what, number] for what, number in statistics.consumed.items()],
            "layer": {
                "sent": of_layer.sent,
                "received": of_layer.received,
                "full": of_layer.full,
                "round_trips": of_layer.round_trips,
                "reconnects": of_layer.reconnects,
                "connected": of_layer.connected,
            },
        }

    def _oldest(self) -> list[Running]:
        return heapq.nsmallest(RUNNING_SHOWN, self._in_flight, key=lambda running: running.begun_at)


def _shown(running: Running) -> dict[str, Any]:
    return {
        "id": running.operation.id,
        "operation": running.operation.name,
        "target": str(running.operation.details),  # its repr shows method and host, nothing secret
        "begun_at": running.begun_at,
        "deadline_at": running.deadline_at,
    }
