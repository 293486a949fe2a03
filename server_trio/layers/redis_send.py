"""Sends of one shard: what is pending while one batch is on its way goes together in the next."""

from __future__ import annotations

import itertools
import secrets
from collections import deque
from collections.abc import Iterable
from typing import Any

import redis
import trio

from ..errors import ChannelFull, LayerError, LayerUnavailable
from ..limits import MiB
from .redis_connection import Backoff, RedisConnection
from .redis_scripts import MAX_BATCH, RECEIPT_TTL, SEND
from .redis_source import Source

MAX_BATCH_BYTES = 4 * MiB  # of bodies in one batch; one message always goes, whatever its size
MAX_PENDING = 10_000  # messages that wait for a batch; further senders wait for room
MAX_PENDING_BYTES = 64 * MiB
SEND_TIMEOUT = 5.0  # seconds without an answer, reconnecting meanwhile, after which a send fails


class Outgoing:
    """One message on its way. `name` is its channel's, cut after a `!`; `outcome` is set with `done`."""

    __slots__ = ("body", "born", "capacity", "done", "name", "outcome")

    def __init__(self, name: str, body: bytes, capacity: int) -> None:
        self.born = trio.current_time()  # seconds
        self.name = name
        self.body = body
        self.capacity = capacity
        self.done = trio.Event()
        self.outcome: LayerError | None = None

    def finish(self, outcome: LayerError | None) -> None:
        self.outcome = outcome
        self.done.set()


class Batch:
    """Messages that one script call sends. Repeating it is safe for RECEIPT_TTL: it is done once."""

    def __init__(self, token: str, source: Source, receipt: str, messages: Iterable[Outgoing]) -> None:
        channels: dict[str, list[Outgoing]] = {}
        for message in messages:
            channels.setdefault(message.name, []).append(message)
        self.messages = [message for group in channels.values() for message in group]
        self.keys: list[str] = [receipt, *source.global_counters]
        self.args: list[Any] = [
            token, source.expiry, RECEIPT_TTL, source.channel_counter_ttl, source.global_counter_ttl,
        ]  # fmt: skip
        for name, group in channels.items():
            self.keys += (source.prefix + name, *source.channel_counters(name))
            self.keys += [source.new_message_key() for _ in group]
            self.args += (group[0].capacity, len(group))
            self.args += [message.body for message in group]

    def finish(self, reply: bytes) -> None:
        """Tell each sender what became of its message."""
        outcomes = reply[reply.index(b" ") + 1 :].decode("ascii")
        for message, outcome in zip(self.messages, outcomes, strict=True):
            if outcome == "s":
                message.finish(None)
            elif outcome == "f":
                message.finish(ChannelFull(f"channel {message.name!r} is full ({message.capacity} messages)"))
            else:
                message.finish(LayerUnavailable(f"what Redis has for channel {message.name!r} is no list"))

    def fail(self, error: LayerError) -> None:
        """Fail the sends that have no outcome yet."""
        for message in self.messages:
            if not message.done.is_set():
                message.finish(error)


class Sender:
    """Sends messages of many tasks to one shard, in the order in which they came, each exactly once.

    A batch whose reply was lost is repeated when Redis is back: the receipt in Redis (see
    redis_scripts) tells whether it was done. After SEND_TIMEOUT without an answer its sends fail
    with LayerUnavailable; only then is it unknown whether they were done. Those queued behind it
    fail within twice that time.
    """

    def __init__(self, source: Source, connection: RedisConnection) -> None:
        self._source = source
        self._connection = connection
        self._pending: deque[Outgoing] = deque()
        self._pending_bytes = 0
        self._work = trio.Event()
        self._room = trio.Event()
        name = secrets.token_hex(8)
        self._receipt = f"{source.prefix}:receipt:{name}"
        self._tokens = itertools.count(1)
        self._closed = False

    async def submit(self, message: Outgoing) -> None:
        """Queue a message, waiting for room; `message.done` tells when it has been dealt with."""
        while len(self._pending) >= MAX_PENDING or self._pending_bytes >= MAX_PENDING_BYTES:
            await self._room.wait()
        if self._closed:
            raise LayerUnavailable("the channel layer has been closed")
        self._pending.append(message)
        self._pending_bytes += len(message.body)
        self._work.set()

    async def send(self, message: Outgoing) -> None:
        """Send one message. Raises ChannelFull and LayerUnavailable.

        Cancelled, it has either been sent or will not be, if it has not yet left the queue.
        """
        await self.submit(message)
        try:
            await message.done.wait()
        except trio.Cancelled:
            self._withdraw(message)
            raise
        if message.outcome is not None:
            raise message.outcome

    async def serve(self) -> None:
        """Send what is pending, batch after batch, until cancelled."""
        try:
            while True:
                while not self._pending:
                    self._work = trio.Event()
                    await self._work.wait()
                # Everybody who is ready to send at this moment gets into this batch.
                await trio.lowlevel.checkpoint()
                if messages := self._take():
                    await self._send(Batch(str(next(self._tokens)), self._source, self._receipt, messages))
        finally:
            self._closed = True
            while self._pending:
                self._pop().finish(LayerUnavailable("the channel layer has been closed"))

    async def _send(self, batch: Batch) -> None:
        backoff = Backoff()
        unknown = "whether the message was sent is unknown"
        failure = LayerUnavailable(f"Redis did not answer for {SEND_TIMEOUT:g} s; {unknown}")
        try:
            with trio.move_on_after(SEND_TIMEOUT):
                while True:
                    try:
                        batch.finish(await self._connection.run(SEND, batch.keys, batch.args))
                        return
                    except LayerUnavailable as error:
                        refused = isinstance(error.__cause__, redis.ResponseError)
                        failure = LayerUnavailable(
                            f"{error}; {'the message was not sent' if refused else unknown}"
                        )
                        failure.__cause__ = error
                        await trio.sleep(backoff.next())
            self._fail_older(trio.current_time() - SEND_TIMEOUT, failure)
        finally:
            # Also when this is cancelled: nobody is left waiting.
            batch.fail(failure)

    def _fail_older(self, time: float, cause: LayerUnavailable) -> None:
        """Fail what has waited in the queue for SEND_TIMEOUT, rather than try it batch after batch."""
        while self._pending and self._pending[0].born <= time:
            error = LayerUnavailable("the message was not sent, Redis is away")
            error.__cause__ = cause
            self._pop().finish(error)

    def _take(self) -> list[Outgoing]:
        """As many pending messages as go into one batch, oldest first."""
        messages: list[Outgoing] = []
        size = 0
        while self._pending and len(messages) < MAX_BATCH:
            size += len(self._pending[0].body)
            if messages and size > MAX_BATCH_BYTES:
                break
            messages.append(self._pop())
        if not self._room.is_set():
            self._room.set()
            self._room = trio.Event()
        return messages

    def _pop(self) -> Outgoing:
        message = self._pending.popleft()
        self._pending_bytes -= len(message.body)
        return message

    def _withdraw(self, message: Outgoing) -> None:
        try:
            self._pending.remove(message)
        except ValueError:
            return  # it has left
        self._pending_bytes -= len(message.body)
