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
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import trio

from channels_async.wire import BadMessage, Operation, parse

from .consumers.channels import served_layer
from .errors import LayerError, OperationError
from .http.connect import OpenStream
from .http.session import Session
from .layers import LayerSpec, open_layer
from .layers.base import Layer, Received
from .limits import KiB
from .operations import Context, Handler
from .receiver import Places, receive_forever
from .replies import FORMS, make_reply
from .routing import only_wanted
from .running import Running, shutting_down
from .settings import Settings
from .stats import Counters, Statistics
from .turns import Turns

if TYPE_CHECKING:
    from .consumers.runner import Consumers  # needs channels, which a server without consumers does not

logger = logging.getLogger(__name__)


#: Characters of text in a message that are parsed in the event loop: a millisecond's work. Text is what
#: 2017 messages hold, dicts as their repr; the bytes of today's messages are not looked into.
PARSED_AT_ONCE: Final = 16 * KiB


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
        self._handlers = handlers
        self._consumers = consumers
        self._operation_channels = only_wanted([settings.CHANNEL], settings)
        self._counters = Counters()
        self._places = Places(settings.CONCURRENCY.total)
        self._turns = Turns(settings.CONCURRENCY.limits(), settings.CONCURRENCY.total)
        self._running: set[Running] = set()
        self._receiving = trio.CancelScope()
        self._grace = trio.CancelScope()
        self._warned_fields: set[str] = set()
        self._parsers = trio.CapacityLimiter(1)  # they compute: a second one would only slow the loop more
        self.state = State.RUNNING

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
        async with trio.open_nursery() as background:
            background.start_soon(self._end_grace)
            background.start_soon(self._close_expired_connections, http)
            async with trio.open_nursery() as operations:
                sources = self._sources(operations, layer, context)
                with self._receiving:
                    async with trio.open_nursery() as receivers:
                        for shard in range(layer.shards):
                            for source in sources:
                                receivers.start_soon(receive_forever, layer, shard, *source)
                        task_status.started()
                logger.info("draining: %s in flight", self._in_flight())
            background.cancel_scope.cancel()
        self.state = State.STOPPED
        logger.info("stopped")

    def _sources(
        self, operations: trio.Nursery, layer: Layer, context: Context
    ) -> list[tuple[list[str], Places, Callable[[Received], None]]]:
        """What receivers read from, how many at once, and what begins the task of a message.

        Operations and consumers have receivers and places of their own: neither can use up the others'.
        """
        sources: list[tuple[list[str], Places, Callable[[Received], None]]] = []
        if self._operation_channels:
            begin = functools.partial(self._begin, operations, layer, context)
            sources.append((self._operation_channels, self._places, begin))
        if self._consumers is not None:
            handle = functools.partial(self._consumers.handle, layer)
            begin = functools.partial(operations.start_soon, handle)
            sources.append((self._consumers.channels, self._consumers.places, begin))
        return sources

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
        self._counters.in_flight = len(self._running)
        self._counters.waiting = self._turns.waiting
        if self._consumers is None:
            return self._counters.statistics()
        return self._counters.statistics(self._consumers.in_flight, self._consumers.consumed)

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
        for running in self._running:
            running.interrupt(shutting_down(), hurry=hurry)
        if self._consumers is not None:
            self._consumers.interrupt_all()

    def _in_flight(self) -> str:
        consuming = self._consumers.in_flight if self._consumers is not None else 0
        return f"{len(self._running)} operations" + (f" and {consuming} consumers" if consuming else "")

    def _begin(self, operations: trio.Nursery, layer: Layer, context: Context, received: Received) -> None:
        """Start the task of one message; its place has been taken."""
        self._counters.received += 1
        operations.start_soon(self._handle, layer, context, received)

    async def _handle(self, layer: Layer, context: Context, received: Received) -> None:
        """Answer one message, whatever it is, and give its place back."""
        try:
            if received.fault is not None:
                raise BadMessage(received.fault)
            operation = await self._parse(received.content)
        except BadMessage as error:
            await self._refuse(layer, error)
        else:
            self._warn_of_ignored(operation)
            reply = make_reply(layer, operation)
            handler = self._handlers.get(operation.name)
            await self._supervise(
                Running(operation, handler, reply, context, self._settings, self._turns)
            )
        finally:
            self._places.give_back()

    async def _parse(self, content: object) -> Operation:
        """Understand a message; apart from the event loop where that could take long."""
        if text_size(content) <= PARSED_AT_ONCE:
            return parse(content, time.time())
        return await trio.to_thread.run_sync(parse, content, time.time(), limiter=self._parsers)

    async def _supervise(self, running: Running) -> None:
        self._running.add(running)
        if self.state is State.ABORTING:
            running.interrupt(shutting_down(), hurry=True)
        try:
            await running.run()
        finally:
            self._running.discard(running)
            self._counters.finished[running.operation.name, running.outcome] += 1
            self._counters.replies_lost += running.outcome == "reply_lost"
            self._counters.bytes_out += running.reply.bytes_sent

    async def _refuse(self, layer: Layer, error: BadMessage) -> None:
        """A message that is no operation: one line in the log, counted, answered where it can be."""
        self._counters.bad_messages += 1
        logger.warning("bad message on %s: %s", self._settings.CHANNEL, error.reason)
        if error.reply_channel is None:
            return
        reply = FORMS[error.reply_format](layer, error.reply_channel, id=error.id)
        with trio.move_on_after(self._settings.REPLY_TIMEOUT, shield=True):
            try:
                await reply.fail(OperationError("the message could not be understood"))
            except LayerError as failure:
                logger.warning("the answer to a bad message could not be sent: %s", failure)

    def _warn_of_ignored(self, operation: Operation) -> None:
        """Say once a name that a field of a 2017 message has no effect."""
        for name in operation.ignored:
            if name not in self._warned_fields and len(self._warned_fields) < 100:
                self._warned_fields.add(name)
                logger.warning("the field %r of 2017 messages has no effect and is ignored", name)


def text_size(content: object) -> int:
    """Characters that parsing a message looks at one by one; anything nested counts as much."""
    if not isinstance(content, dict) or "v" in content:
        return 0
    return sum(
        len(value)
        if isinstance(value, str | bytes)
        else (PARSED_AT_ONCE + 1) * isinstance(value, list | dict)
        for value in content.values()
    )
