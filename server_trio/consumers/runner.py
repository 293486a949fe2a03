"""One message of the project's own channels: its consumer, its deadline, and what its exceptions mean."""

from __future__ import annotations

import functools
import inspect
import logging
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import trio
from channels.exceptions import (  # type: ignore[import-untyped]
    ChannelSocketException,
    ConsumeLater,
    DenyConnection,
)
from channels.utils import name_that_thing  # type: ignore[import-untyped]

from ..errors import LayerError
from ..failures import forget_frames, separate
from ..layers.base import Layer, Received
from ..layers.patience import send_patiently
from ..receiver import Places
from ..routing import Consumer, Routing
from ..settings import Settings
from . import plain
from .channels import Channel
from .message import AsyncMessage, MatchedMessage, with_text_keys

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup  # type: ignore[import-not-found]

logger = logging.getLogger("server_trio.consumers")

#: One line a message; silent unless asked for (-v).
message_logger = logging.getLogger("server_trio.operation")

#: How often ConsumeLater may put a message back, and the key that counts it (channels/worker.py:31,129).
MESSAGE_RETRIES: Final = 10
RETRIES_KEY: Final = "__retries__"

#: Exceptions that say what is to become of the message, rather than that something went wrong.
ORDERS: Final = (ConsumeLater, DenyConnection, ChannelSocketException)


class Consumers:
    """Runs the consumers of a routing. `channels` is what this server takes messages from.

    `handle` never raises an Exception. `interrupt_all` ends what is running, and soon what comes later.
    """

    def __init__(self, routing: Routing, channels: Sequence[str], settings: Settings) -> None:
        self.consumed: Counter[tuple[str, str]] = Counter()  # messages by channel and outcome
        self.channels = list(channels)
        self.places = Places(settings.CONCURRENCY.consumers)
        self._routing = routing
        self._settings = settings
        # A thread that outlives its deadline keeps its place, so none is ever waited for.
        self._threads = trio.CapacityLimiter(settings.CONCURRENCY.consumers)
        self._scopes: set[trio.CancelScope] = set()
        self._ending = False

    @property
    def in_flight(self) -> int:
        """Messages whose consumers are at work."""
        return len(self._scopes)

    def interrupt_all(self) -> None:
        """Cancel every consumer, those that are yet to begin included."""
        self._ending = True
        for scope in self._scopes:
            scope.cancel()

    async def handle(self, layer: Layer, received: Received) -> None:
        """Consume one message and give its place back."""
        begun = trio.current_time()
        try:
            consumer, outcome = await self._consume(layer, received)
        finally:
            self.places.give_back()
        self.consumed[received.channel, outcome] += 1
        spent = trio.current_time() - begun
        message_logger.info("%s %s: %s, %.3f s", received.channel, consumer, outcome, spent)

    async def _consume(self, layer: Layer, received: Received) -> tuple[str, str]:
        """The consumer's name and what became of the message, in a word."""
        channel, content = received.channel, received.content
        if received.fault is not None or not isinstance(content, dict):
            reason = received.fault or f"it is no dict but {type(content).__name__}"
            logger.warning("bad message on %s: %s", channel, reason)
            return "-", "bad"
        try:
            content = with_text_keys(content)
            match = self._routing.match(MatchedMessage(content, channel))
        except Exception:
            logger.exception("the routing failed over a message on %s", channel)
            return "-", "error"
        if match is None:
            logger.error("the routing has no consumer for a message on %s", channel)
            return "-", "unrouted"
        consumer, kwargs = match
        run = _Run(self, layer, received._replace(content=content), consumer, kwargs)
        scope = trio.CancelScope()
        self._scopes.add(scope)
        if self._ending:
            scope.cancel()
        try:
            return run.name, await run.to_its_end(scope)
        finally:
            self._scopes.discard(scope)


class _Run:
    """One consumer at work on one message."""

    def __init__(
        self,
        consumers: Consumers,
        layer: Layer,
        received: Received,
        consumer: Consumer,
        kwargs: dict[str, Any],
    ) -> None:
        self.name = _name(consumer)
        self._consumers = consumers
        self._layer = layer
        self._channel = received.channel
        self._content: dict[str, Any] = received.content
        self._consumer = consumer
        self._kwargs = kwargs
        self._deadline = consumers._settings.DEADLINES.of(received.channel)  # seconds
        self._late = False

    async def to_its_end(self, scope: trio.CancelScope) -> str:
        """Run the consumer inside `scope`, obey or log what it raises; the outcome in a word."""
        error: BaseException | None = None
        with scope:
            run = self._run_async if is_async(self._consumer) else self._run_in_thread
            error = await run()
        if scope.cancelled_caught:
            logger.warning("%s: cancelled, the server ends", self)
            return "shutdown"
        if error is None:
            return "timeout" if self._late else "ok"
        orders, failure = _split(error)
        if failure is not None:
            logger.error("%s failed", self, exc_info=failure)
            forget_frames(failure)
        return await self._obey(orders[0]) if orders else "error"

    async def _run_async(self) -> BaseException | None:
        try:
            message = AsyncMessage(self._content, self._channel)
            if self._is_doomed:
                message.__doomed__ = True  # type: ignore[attr-defined]
            with trio.move_on_after(self._deadline) as scope:
                await self._consumer(message, **self._kwargs)
        except BaseException as error:
            failure, cancelled = separate(error)
            if cancelled is not None:
                raise cancelled from None
            return failure
        if scope.cancelled_caught:
            self._late = True
            logger.warning("%s: cancelled at its deadline of %g s", self, self._deadline)
        return None

    async def _run_in_thread(self) -> BaseException | None:
        """A thread cannot be cancelled: at the deadline the log says so, and it keeps its place."""

        async def remind() -> None:
            await trio.sleep(self._deadline)
            self._late = True
            logger.warning("%s: goes on in its thread after its deadline of %g s", self, self._deadline)

        consume = functools.partial(
            plain.consume, self._consumer, self._kwargs, self._content, self._channel,
            self._is_doomed, self._consumers._routing.sync_layer,
        )  # fmt: skip
        async with trio.open_nursery() as nursery:
            nursery.start_soon(remind)
            error = await trio.to_thread.run_sync(
                consume, limiter=self._consumers._threads, abandon_on_cancel=True
            )
            nursery.cancel_scope.cancel()
        return error

    async def _obey(self, order: BaseException) -> str:
        """Do what channels does for an exception that is an order; shielded, because a server that ends
        must not lose a message that is to be put back, and bounded.
        """
        timeout = self._consumers._settings.REPLY_TIMEOUT
        with trio.move_on_after(timeout, shield=True):
            try:
                if isinstance(order, ConsumeLater):
                    return await self._put_back()
                if isinstance(order, DenyConnection):
                    return await self._deny()
                return await self._run_order(order)
            except LayerError as error:
                logger.error("%s: %s could not be done: %s", self, type(order).__name__, error)
                return "error"
            except Exception:
                # What the layer raises besides its own errors would end the server.
                logger.exception("%s: %s could not be done", self, type(order).__name__)
                return "error"
        logger.error("%s: %s could not be done within %g s", self, type(order).__name__, timeout)
        return "error"

    async def _put_back(self) -> str:
        self._content[RETRIES_KEY] = self._retries + 1
        if self._retries > MESSAGE_RETRIES:
            logger.warning("%s: the message was put back %d times and is dropped", self, MESSAGE_RETRIES)
            return "dropped"
        await send_patiently(self._layer, self._channel, self._content)
        return "later"

    async def _deny(self) -> str:
        reply_channel = self._content.get("reply_channel")
        if self._channel != "websocket.connect" or not reply_channel:
            logger.error("%s: DenyConnection is for websocket.connect alone", self)
            return "error"
        await send_patiently(self._layer, Channel(reply_channel).name, {"close": True})
        return "denied"

    async def _run_order(self, order: BaseException) -> str:
        """WebsocketCloseException and its kin out of an `async def`; channels' own code, in a thread."""
        failure = await trio.to_thread.run_sync(
            plain.run_socket_exception, order, self._content, self._channel,
            self._consumers._routing.sync_layer, limiter=self._consumers._threads, abandon_on_cancel=True,
        )  # fmt: skip
        if failure is not None:
            logger.error("%s: %s failed", self, type(order).__name__, exc_info=failure)
            return "error"
        return "ok"

    @property
    def _retries(self) -> int:
        retries = self._content.get(RETRIES_KEY, 0)
        return retries if isinstance(retries, int) else 0

    @property
    def _is_doomed(self) -> bool:
        return self._retries == MESSAGE_RETRIES

    def __str__(self) -> str:
        return f"consumer {self.name} of channel {self._channel}"


def _name(consumer: Any) -> str:
    """As channels names it in its log; it cannot name everything that can be called."""
    try:
        return str(name_that_thing(consumer))
    except Exception:
        return repr(consumer)


def is_async(consumer: Any) -> bool:
    """Whether calling it gives something to await: `async def`, partials and objects of it included."""
    while isinstance(consumer, functools.partial):
        consumer = consumer.func
    return inspect.iscoroutinefunction(consumer) or (
        not inspect.isclass(consumer)
        and inspect.iscoroutinefunction(getattr(consumer, "__call__", None))  # noqa: B004 - not whether it is
    )


def _split(error: BaseException) -> tuple[list[BaseException], BaseException | None]:
    """The orders in what a consumer raised, out of groups too, and what is left of it without them."""
    if isinstance(error, ORDERS):
        return [error], None
    if not isinstance(error, BaseExceptionGroup):
        return [], error
    orders, failure = error.split(ORDERS)
    return _leaves(orders), failure


def _leaves(error: BaseException | None) -> list[BaseException]:
    """The exceptions in a group, however deep."""
    if not isinstance(error, BaseExceptionGroup):
        return [] if error is None else [error]
    return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
