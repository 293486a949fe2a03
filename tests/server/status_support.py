"""A status server on a port of its own, and questions to it from a thread."""

from __future__ import annotations

import functools
import http.client
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import trio

from server_trio.stats import BOUNDS
from server_trio.status.address import listen, parse_address
from server_trio.status.app import StatusApp
from server_trio.status.listening import StatusServer
from server_trio.status.source import Source

Report = Mapping[str, Any]


def report(**differing: Any) -> dict[str, Any]:
    """One of a healthy server that has done something."""
    now = time.time()
    counts = [0] * (len(BOUNDS) + 1)
    counts[5] = 4
    running = {
        "id": "f" * 32, "operation": "REQUEST", "target": "<Request GET http://upstream>",
        "begun_at": now - 2, "deadline_at": now + 28,
    }  # fmt: skip
    error = {
        "operation": "REQUEST", "target": "<Request GET http://down>", "outcome": "upstream_error",
        "count": 1, "first_at": now - 60, "last_at": now - 60, "reason": "down: connection refused",
    }  # fmt: skip
    return {
        "version": 1, "id": "0123456789abcdef", "host": "machine", "pid": 4711,
        "package": "9.9", "python": "3.11",
        "at": now, "started_at": now - 100, "process": 0, "state": "running", "channels": ["request.async"],
        "places": {"total": 10, "free": 9}, "consumer_places": None,
        "in_flight": 1, "in_flight_by_operation": {"REQUEST": 1, "CALL": 0}, "waiting": 0, "consuming": 0,
        "running": [running], "received": 6, "bad_messages": 1, "replies_lost": 0, "bytes_out": 1234,
        "finished": [["REQUEST", "ok", 3], ["REQUEST", "upstream_error", 1], ["CALL", "timeout", 1]],
        "consumed": [["notify", "ok", 7]], "bounds": list(BOUNDS),
        "durations": {"REQUEST": {"counts": counts, "sum": 0.8}},
        "queue_waits": {"REQUEST": {"counts": counts, "sum": 0.8}},
        "upstreams": [["upstream", "2xx", 3, 0.6], ["down", "unreachable", 1, 0.1]], "errors": [error],
        "queues": {"request.async": {"length": 2, "oldest_age": 0.5}},
        "receiving": [{"connected": True, "still": 0.2}],
        "layer": {"sent": 5, "received": 6, "full": 0, "round_trips": 9, "reconnects": 1, "connected": True},
        **differing,
    }  # fmt: skip


def source(*reports: Report, site: Sequence[Report] = ()) -> Source:
    """Of servers that never change, but are always there: what they say is as old as it was at the start."""
    begun = time.monotonic()

    async def ask_site() -> Sequence[Report]:
        return site


    def own() -> Sequence[Report]:
        return [{**found, "at": found.get("at", 0) + time.monotonic() - begun} for found in reports]

    return Source(own, ask_site)


class Asked:
    """An answer: its status, headers by name in lower case, and body."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask_blocking(port: int, path: str, method: str = "GET", **headers: str) -> Asked:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(
            method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        return Asked(connection.getresponse())
    finally:
        connection.close()


Ask = Callable[..., Awaitable[Asked]]


@asynccontextmanager
async def status_server(source: Source, hosts: Sequence[str] | None = ("127.0.0.1",)) -> AsyncIterator[Ask]:
    """A running status server; what is given asks it: `await ask('/livez')`. `ask.port` is its port."""
    address = parse_address("127.0.0.1:0")
    listening = listen(address)
    port = listening.getsockname()[1]
    server = StatusServer(address, listening, StatusApp(source, hosts))

    async def ask(path: str, method: str = "GET", **headers: str) -> Asked:
        return await trio.to_thread.run_sync(functools.partial(ask_blocking, port, path, method, **headers))

    ask.port = port  # type: ignore[attr-defined]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.serve)
        yield ask
        nursery.cancel_scope.cancel()
