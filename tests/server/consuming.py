"""A server that serves a layer in memory with consumers of a test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
from asgiref.inmemory import ChannelLayer  # type: ignore[import-untyped]
from channels.routing import Router  # type: ignore[import-untyped]
from django.conf import settings as django_settings  # type: ignore[import-untyped]

if not django_settings.configured:
    django_settings.configure()  # channels closes database connections after each consumer; here are none

from server_trio.consumers.runner import Consumers
from server_trio.http.session import Session
from server_trio.layers.memory import MemoryLayer
from server_trio.limits import HttpLimits
from server_trio.resolving import resolve
from server_trio.routing import Routing
from server_trio.settings import Settings
from server_trio.supervisor import Supervisor


def settings_of(routing: Routing, **given: Any) -> Settings:
    return resolve(given, {}, {}, lambda settings: routing.channels)


@asynccontextmanager
async def consuming(
    layer: MemoryLayer, *routes: Any, sync_layer: ChannelLayer | None = None, **given: Any
) -> AsyncIterator[Supervisor]:
    """A supervisor that runs the consumers of `routes`; it is drained at the end.

    `sync_layer` is what plain functions send to: another layer, so that a test sees which one was used.
    """
    router = Router(list(routes))
    routing = Routing(router, frozenset(router.channels), lambda: sync_layer)
    settings = settings_of(routing, **given)
    consumers = Consumers(routing, sorted(routing.channels), settings)
    supervisor = Supervisor(settings, {}, consumers=consumers)
    async with Session(HttpLimits()) as http, trio.open_nursery() as nursery:
        await nursery.start(supervisor.serve, layer, http)
        yield supervisor
        supervisor.drain()


async def content(layer: MemoryLayer, channel: str) -> Any:
    """The content of the next message on a channel."""
    (received,) = await layer.receive(0, [channel], 1)
    return received.content


async def until(condition: Callable[[], bool]) -> None:
    """Return once `condition()` is true: for what a thread does and nothing announces."""
    with trio.fail_after(30):
        while not condition():  # noqa: ASYNC110
            await trio.sleep(0.005)
