"""The server: nurseries, the operations in them, and the way they end.

    nursery: the layer and the HTTP client are open around it
      nursery: operations and consumers, one task each, with its deadline (running.py, consumers/)
        nursery: receivers, for each shard one of operations and one of the project's own channels;
                 cancelled first when the server drains

The life of a server is RUNNING -> DRAINING -> ABORTING -> STOPPED. `Supervisor.drain` stops the
receivers; operations and consumers have the grace time; then, or on `Supervisor.abort`, what is
left is interrupted, and operations are answered 503.
"""

from __future__ import annotations

import enum
import functools
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import trio

from channels_async.wire import CANCEL_SUFFIX

from .calls import Http
from .consumers.channels import served_layer
from .consumers.message import served_http
from .http.connect import OpenStream
from .http.session import Session
from .layers import LayerSpec, open_layer
from .layers.base import Layer, Received
from .operating import Operations
from .operations import Context, Handler
from .receiver import Places, receive_forever, recover_forever
from .reporting import Reporter
from .routing import not_excluded, only_wanted
from .settings import Settings
from .stats import Statistics

if TYPE_CHECKING:
    from .consumers.runner import Consumers  # needs channels, which a server without consumers does not

logger = logging.getLogger(__name__)


class State(enum.Enum):
    """What a server is doing."""

    RUNNING = "running"
    DRAINING = "draining"
    ABORTING = "aborting"
    STOPPED = "stopped"


class Supervisor:
    """One server. `run` serves until `drain` or `abort` is called and all operations are answered."""

    def __init__(
        self,
        settings: Settings,
        handlers: Mapping[str, Handler],
        open_stream: OpenStream | None = None,
        consumers: Consumers | None = None,
    ) -> None:
        """`consumers` are those of the project's routing, where it has any for this server."""
        self._settings = settings
        self._open_stream = open_stream  # how to reach upstreams; the default is directly
        self._consumers = consumers
        self._operation_channels = only_wanted([settings.CHANNEL], settings)
        self._operations = Operations(settings, handlers)
        self._receiving = trio.CancelScope()
        self._grace = trio.CancelScope()
        self.state = State.RUNNING
        self.reporter = Reporter(
            self.statistics,
            self._operations,
            lambda: self.state.value,
            self.channels,
            self._operations.places if self._operation_channels else None,
            consumers.places if consumers is not None else None,
        )

    async def run(
        self, spec: LayerSpec, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Open the layer and serve it.

        `task_status` is started once the receivers are. Raises LayerUnavailable or SettingsError if the
        layer cannot be opened, and nothing later that wrong input could cause.
        """
        http = Session(self._settings.http_limits(), open_stream=self._open_stream)
        async with open_layer(spec) as layer, http:
            await self.serve(layer, http, task_status)

    async def serve(
        self, layer: Layer, http: Session, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve an open layer; see `run`."""
        context = Context(http=http, layer=layer)
        served_layer.set(layer)  # for this task and those it starts
        served_http.set(Http(http))
        self.reporter.begin(layer, http.upstreams)
        async with trio.open_nursery() as background:
            background.start_soon(self._end_grace)
            background.start_soon(self._close_expired_connections, http)
            background.start_soon(self.reporter.publish_forever, layer)
            self._follow_disconnects(background, layer)
            async with trio.open_nursery() as operations:
                sources = self._sources(operations, layer, context)
                with self._receiving:
                    async with trio.open_nursery() as receivers:
                        for shard in range(layer.shards):
                            for source in sources:
                                receivers.start_soon(receive_forever, layer, shard, *source)
                            if self._operation_channels:
                                self._recover(receivers, operations, layer, context, shard)
                        task_status.started()
                logger.info("draining: %s in flight", self._in_flight())
            background.cancel_scope.cancel()
        await self._operations.close()
        self.state = State.STOPPED
        logger.info("stopped")

    def _sources(
        self, operations: trio.Nursery, layer: Layer, context: Context
    ) -> list[tuple[list[str], Places, Callable[[Received], None], bool]]:
        """What receivers read from, how many at once, what begins the task of a message, whether it is kept.

        Operations and consumers have receivers and places of their own: neither can use up the others'.
        Operations are kept in the journal until they are answered; consumers get a message once at most,
        as in channels.
        """
        sources: list[tuple[list[str], Places, Callable[[Received], None], bool]] = []
        if self._operation_channels:
            begin = functools.partial(self._begin, operations, layer, context)
            sources.append((self._operation_channels, self._operations.places, begin, True))
        if self._consumers is not None:
            handle = functools.partial(self._consumers.handle, layer)
            begin = functools.partial(operations.start_soon, handle)
            sources.append((self._consumers.channels, self._consumers.places, begin, False))
        return sources

    def _recover(
        self, receivers: trio.Nursery, operations: trio.Nursery, layer: Layer, context: Context, shard: int
    ) -> None:
        """Take over from servers that die. What is only to be refused has places of its own: nobody waits
        for his 502 until others have been answered."""
        handle = functools.partial(self._operations.handle, layer, context)
        ours = self._operations
        for places, only in ((ours.refusals, ours.is_lost), (ours.places, None)):
            begin = functools.partial(operations.start_soon, functools.partial(handle, places=places))
            receivers.start_soon(recover_forever, layer, shard, places, begin, only)

    def _begin(self, operations: trio.Nursery, layer: Layer, context: Context, received: Received) -> None:
        """Start the task of one message; its place has been taken."""
        operations.start_soon(self._operations.handle, layer, context, received)

    def _follow_disconnects(self, background: trio.Nursery, layer: Layer) -> None:
        """Watch for browsers that leave, as long as there can be operations of theirs."""
        if not self._operation_channels:
            return
        # The last is for a site that consumes daphne's own itself: client.cancel passes them on.
        channels = not_excluded(self._settings.DISCONNECT_CHANNELS, self._settings)
        channels.append(self._settings.CHANNEL + CANCEL_SUFFIX)
        for shard in range(layer.shards):
            for channel in channels:  # of several at once Redis gives a message away before it has arrived
                background.start_soon(self._operations.disconnects.watch, layer, shard, channel)
        background.start_soon(self._operations.disconnects.hear, layer)

    @property
    def channels(self) -> list[str]:
        """The channels that it takes messages from."""
        return [*self._operation_channels, *(self._consumers.channels if self._consumers is not None else ())]

    def drain(self) -> None:
        """Claim nothing more; give what is in flight the grace time, then interrupt it."""
        if self.state is State.RUNNING:
            self.state = State.DRAINING
            self._receiving.cancel()
            self._grace.deadline = trio.current_time() + self._settings.GRACE_TIME

    def abort(self) -> None:
        """Claim nothing more and interrupt everything in flight now."""
        self._receiving.cancel()
        if self.state is not State.STOPPED:
            self.state = State.ABORTING
            self._interrupt_all(hurry=True)

    def statistics(self) -> Statistics:
        """What this server has done so far."""
        counters = self._operations.counters
        counters.in_flight = len(self._operations.in_flight)
        counters.waiting = self._operations.waiting
        if self._consumers is None:
            return counters.statistics()
        return counters.statistics(self._consumers.in_flight, self._consumers.consumed)

    async def _end_grace(self) -> None:
        with self._grace:
            await trio.sleep_forever()
        logger.warning("the grace time is over: %s are interrupted", self._in_flight())
        self.state = State.ABORTING
        self._interrupt_all(hurry=False)

    async def _close_expired_connections(self, http: Session) -> None:
        """Of upstreams that nobody asks any more; twice the allowed time open is the most this leaves."""
        while True:
            await trio.sleep(self._settings.HTTP.idle_timeout)
            await http.close_expired()

    def _interrupt_all(self, *, hurry: bool) -> None:
        self._operations.interrupt_all(hurry=hurry)
        if self._consumers is not None:
            self._consumers.interrupt_all()

    def _in_flight(self) -> str:
        consuming = self._consumers.in_flight if self._consumers is not None else 0
        operations = f"{len(self._operations.in_flight)} operations"
        return operations + (f" and {consuming} consumers" if consuming else "")
