"""Any ASGI 1.x channel layer object, in worker threads.

The layer's own code runs as it is; what a thread has taken while nobody waited for it any more is
sent back on its channel (at the end of the queue, there being no other place in ASGI 1.x).
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import trio

from ..errors import ChannelFull, LayerUnavailable, MessageRefused, SendUnknown
from .alone import Alone
from .base import Entry, LayerStatistics, Message, Progress, Received, Receiving
from .names import check_channel, check_group, check_receive
from .packing import pack, unpack
from .redis_codec import FULL_NAME

logger = logging.getLogger("server_trio.layers")

T = TypeVar("T")

THREADS = 40  # at once for sends, and as many for receives; what Trio itself allows by default
PROBE = 0.005  # seconds; a receive(block=True) that comes back sooner with nothing does not block
FIRST_POLL = 0.001  # seconds between two looks at a layer that does not block
LONGEST_POLL = 0.02  # seconds; at most 50 looks a second while nothing comes
BLPOP_TIMEOUT = 1  # seconds of one wait in asgi_redis, instead of 5 (core.py:39); as long takes the shutdown
CLOSE_TIMEOUT = 6.0  # seconds to wait for the threads of other layers
CANCEL_TIMEOUT = 5.0  # seconds a cancelled send waits to know what became of a message a thread is sending
FAULT_PAUSE = 0.1  # seconds before a receive that follows two faults; the layer may not have moved on
RETURN_PAUSE = 0.1  # seconds between attempts to send a message back


class Turn:
    """One `receive` and whether anybody still waits for it."""

    __slots__ = ("abandoned", "done", "failure", "received")

    def __init__(self) -> None:
        self.done = trio.Event()
        self.abandoned = False
        self.received: list[Received] = []
        self.failure: Exception | None = None


class Call:
    """One call of a function in a thread, of which it can be found out whether it was done."""

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function
        self._token = trio.lowlevel.current_trio_token()
        self._lock = threading.Lock()
        self._begun = self._withdrawn = False
        self.done = trio.Event()
        self.error: Exception | None = None

    def __call__(self, *args: Any) -> None:
        with self._lock:
            if self._withdrawn:
                return
            self._begun = True
        try:
            self._function(*args)
        except Exception as error:
            self.error = error
            raise
        finally:
            with contextlib.suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self.done.set)

    def withdraw(self) -> bool:
        """Whether it has not begun, and now will not."""
        with self._lock:
            self._withdrawn = not self._begun
            return self._withdrawn


class ThreadedLayer(Alone):
    """A `Layer` over a synchronous one; made by `open_threaded_layer`. It has one shard.

    A layer whose receive(block=True) waits (asgi_redis) keeps one thread in it, for a moment longer
    than the `receive` that was cancelled. One that does not wait (asgiref.inmemory), or that looks
    at one of several shards only (asgi_redis with several hosts, core.py:213-215,255), is polled:
    each time nothing came the next look is later, until there is one every LONGEST_POLL.
    """

    def __init__(self, backend: Any, nursery: trio.Nursery) -> None:
        self._backend = backend
        self._nursery = nursery
        # Apart, so that receives that wait do not keep sends from their turn.
        self._senders = trio.CapacityLimiter(THREADS)
        self._receivers = trio.CapacityLimiter(THREADS)
        if getattr(backend, "blpop_timeout", 0) > BLPOP_TIMEOUT:
            backend.blpop_timeout = BLPOP_TIMEOUT
        self._hosts = int(getattr(backend, "ring_size", 1))
        self._blocks = self._hosts == 1
        self._faults = 0  # in a row
        self._turns: set[Turn] = set()
        self._turn_over = trio.Event()
        self._closed = False
        self._sent = self._received = self._full = self._calls = 0
        self._connected = True

    @property
    def shards(self) -> int:
        return 1

    def shard_of(self, channel: str) -> int:
        return 0

    async def send(
        self, channel: str, message: Message, *, entry: Entry | None = None, progress: Progress = Progress.ON
    ) -> None:
        check_channel(channel)
        # Every layer refuses the same: an in-memory one would take anything.
        checked = unpack(pack(message))
        if FULL_NAME in checked:
            raise MessageRefused(f"message[{FULL_NAME!r}]: this key belongs to the layer")
        try:
            await self._deliver(channel, checked)
        except ChannelFull:
            self._full += 1
            raise
        self._sent += 1

    async def _deliver(self, channel: str, message: Any) -> None:
        call = Call(self._backend.send)
        try:
            await self._call(self._senders, call, channel, message)
        except LayerUnavailable as error:
            # redis-py's is no builtin TimeoutError. Other errors are taken as what they mostly are, a
            # refused connection, for the layer does not say whether anything had left.
            if "TimeoutError" in {kind.__name__ for kind in type(error.__cause__).__mro__}:
                raise SendUnknown(f"{error}; whether the message was sent is unknown") from error.__cause__
            raise
        except trio.Cancelled:
            if call.withdraw():
                raise
            with trio.move_on_after(CANCEL_TIMEOUT, shield=True):
                await call.done.wait()
            if not call.done.is_set():
                name = type(self._backend).__name__
                raise SendUnknown(
                    f"{name} does not answer; whether the message was sent is unknown"
                ) from None
            if call.error is not None:
                raise

    async def group_send(self, group: str, message: Message) -> None:
        """Raises MessageRefused if the layer has no groups."""
        self._check_group(group)
        await self._call(self._senders, self._backend.send_group, group, unpack(pack(message)))

    async def group_add(self, group: str, channel: str) -> None:
        self._check_group(group)
        check_channel(channel)
        await self._call(self._senders, self._backend.group_add, group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        self._check_group(group)
        check_channel(channel)
        await self._call(self._senders, self._backend.group_discard, group, channel)

    def _check_group(self, group: str) -> None:
        if "groups" not in getattr(self._backend, "extensions", ()):
            raise MessageRefused(f"{type(self._backend).__name__} has no groups")
        check_group(group)

    async def receive(
        self, shard: int, channels: Sequence[str], limit: int, *, journal: bool = False
    ) -> list[Received]:
        if shard != 0:
            raise IndexError(f"there is one shard, 0; not {shard}")
        names = check_receive(channels, limit)
        if self._closed:
            raise LayerUnavailable("the channel layer has been closed")
        turn = Turn()
        self._turns.add(turn)
        self._nursery.start_soon(self._serve, turn, names, limit)
        try:
            await turn.done.wait()
        except BaseException:
            turn.abandoned = True
            if turn.done.is_set():  # at the very moment of the cancellation
                self._turns.add(turn)
                self._nursery.start_soon(self._return, turn)
            raise
        if turn.failure is not None:
            raise turn.failure
        self._received += len(turn.received)
        return turn.received

    def receiving(self) -> list[Receiving]:
        return [Receiving(self._connected, 0.0)]

    def statistics(self) -> LayerStatistics:
        return LayerStatistics(
            sent=self._sent, received=self._received, full=self._full,
            round_trips=self._calls, reconnects=0, connected=self._connected,
        )  # fmt: skip

    async def close(self) -> None:
        """Wait until no thread can have a message any more. The caller bounds the time."""
        self._closed = True
        for turn in self._turns:
            turn.abandoned = True
            turn.failure = LayerUnavailable("the channel layer has been closed")
            turn.done.set()
        while self._turns:
            await self._turn_over.wait()

    # --- receiving -------------------------------------------------------------------------------

    async def _serve(self, turn: Turn, channels: list[str], limit: int) -> None:
        pause = FIRST_POLL
        try:
            if self._faults > 1:
                await trio.sleep(FAULT_PAUSE)
            while not turn.abandoned and not turn.received:
                turn.received = await self._call(self._receivers, self._take, channels, limit)
                if turn.received:
                    faulty = turn.received[-1].fault is not None
                    self._faults = self._faults + 1 if faulty else 0
                if not turn.received and not self._blocks:
                    await trio.sleep(pause)
                    pause = min(pause * 2, LONGEST_POLL)
        except (LayerUnavailable, MessageRefused) as error:
            turn.failure = error
        if turn.abandoned and turn.received:
            await self._return(turn)
            return
        self._over(turn)
        turn.done.set()

    def _take(self, channels: list[str], limit: int) -> list[Received]:
        """In a thread: wait for a message as the layer does, then take what else is there."""
        received: list[Received] = []
        if self._blocks:
            begin = time.monotonic()
            if (message := self._take_one(channels, block=True)) is not None:
                received.append(message)
                if message.fault is not None:
                    return received
            elif time.monotonic() - begin < PROBE:
                self._blocks = False
        empty = 0
        while len(received) < limit and empty < self._hosts:
            try:
                message = self._take_one(channels, block=False)
            except Exception:
                if received:
                    break  # what has been taken must not be lost; the next call meets the error again
                raise
            if message is None:
                empty += 1
            else:
                received.append(message)
                if message.fault is not None:
                    break  # it may be the same again
        return received

    def _take_one(self, channels: list[str], *, block: bool) -> Received | None:
        try:
            channel, content = self._backend.receive(channels, block=block)
        except Exception as error:
            if not _is_about_content(error):
                raise LayerUnavailable(_failed(self._backend, error)) from error
            # The layer had a message in its hands and could not read it.
            return Received(channels[0], None, f"{type(error).__name__}: {error}")
        return None if channel is None else Received(channel, content)

    async def _return(self, turn: Turn) -> None:
        """Send back what nobody waits for any more, however long the channel is full."""
        try:
            for received in turn.received:
                while received.fault is None:
                    try:
                        send = self._backend.send
                        await self._call(self._senders, send, received.channel, received.content)
                        break
                    except (ChannelFull, LayerUnavailable):
                        await trio.sleep(RETURN_PAUSE)
                    except MessageRefused as error:
                        logger.error("a message on %s cannot be sent back: %s", received.channel, error)
                        break
        finally:
            self._over(turn)

    def _over(self, turn: Turn) -> None:
        self._turns.discard(turn)
        self._turn_over.set()
        self._turn_over = trio.Event()

    # --- threads ---------------------------------------------------------------------------------

    async def _call(self, limiter: trio.CapacityLimiter, function: Callable[..., T], *args: Any) -> T:
        """Run in a thread; the layer's exceptions as ours."""
        try:
            # A cancelled send goes on to its end in its thread (see `_deliver`); a receive is cancelled
            # only when the layer is closed and its time to wait for the thread is over.
            result = await trio.to_thread.run_sync(function, *args, limiter=limiter, abandon_on_cancel=True)
        except LayerUnavailable:
            self._connected = False
            raise
        except self._backend.ChannelFull as error:
            raise ChannelFull(f"channel {args[0]!r} is full") from error
        except (TypeError, ValueError, OverflowError, AssertionError, self._backend.MessageTooLarge) as error:
            raise MessageRefused(str(error)) from error
        except Exception as error:
            self._connected = False
            raise LayerUnavailable(_failed(self._backend, error)) from error
        finally:
            self._calls += 1
        self._connected = True
        return result


def _is_about_content(error: Exception) -> bool:
    """Whether the layer met a message that it cannot read, rather than anything else that went wrong."""
    # msgpack's errors are not all ValueErrors, and cryptography has its own for what no key opens.
    packages = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return isinstance(error, (ValueError, TypeError)) or not packages.isdisjoint({"msgpack", "cryptography"})


def _failed(backend: Any, error: Exception) -> str:
    return f"{type(backend).__name__} failed: {error or type(error).__name__}"


@asynccontextmanager
async def open_threaded_layer(backend: Any) -> AsyncIterator[ThreadedLayer]:
    """The bridge to `backend`. Leaving it waits for threads that may have a message, up to CLOSE_TIMEOUT."""
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        # Exceptions of the caller's block go around this nursery, which would wrap them in a group.
        layer = ThreadedLayer(backend, nursery)
        try:
            yield layer
        except Exception as error:
            failure = error
        finally:
            with trio.move_on_after(CLOSE_TIMEOUT, shield=True):
                await layer.close()
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
