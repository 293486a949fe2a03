"""Sends of one shard: what is pending while one batch is on its way goes together in the next."""

from __future__ import annotations

import itertools
import math
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import trio

from ..errors import ChannelFull, LayerError, LayerUnavailable, SendUnknown, TakenOver
from ..limits import MiB
from .base import Entry, Progress
from .redis_connection import REFUSALS, Backoff, RedisConnection
from .redis_scripts import MAX_BATCH, RECEIPT_TTL, SEND
from .redis_source import Source

MAX_BATCH_BYTES = 4 * MiB  # of bodies in one batch; one message always goes, whatever its size
MAX_PENDING = 10_000  # messages that wait for a batch; further senders wait for room
MAX_PENDING_BYTES = 64 * MiB
SEND_TIMEOUT = 5.0  # seconds, reconnecting meanwhile, after which what has not left fails
CANCEL_TIMEOUT = 5.0  # seconds a cancelled send waits to know what became of a message that has left
LEFT_INTERVAL = 1.0  # seconds, when there is nothing to send, until the journal is told again what it missed
DOUBT_TIMEOUT = RECEIPT_TTL - 15.0  # seconds; a batch is not repeated later, its receipt might be gone


#: ShardJournal.known_until
KnownUntil: TypeAlias = Callable[[str], int]


class Outgoing:
    """One message on its way. `name` is its channel's, cut after a `!`; `outcome` is set with `done`.

    `abandoned` says that nobody waits for the outcome any more. `entry` and `progress` are what the
    journal of the same shard has to know of it. Without a name there is no message, only that.
    """

    __slots__ = ("abandoned", "body", "born", "capacity", "done", "entry", "name", "outcome", "progress")

    def __init__(
        self,
        name: str,
        body: bytes,
        capacity: int,
        entry: Entry | None = None,
        progress: Progress = Progress.ON,
    ) -> None:
        self.born = trio.current_time()  # seconds
        self.name = name
        self.body = body
        self.capacity = capacity
        self.entry = entry
        self.progress = progress
        self.done = trio.Event()
        self.abandoned = False
        self.outcome: LayerError | None = None

    def finish(self, outcome: LayerError | None) -> None:
        self.outcome = outcome
        self.done.set()


class Batch:
    """Messages that one script call sends. Repeating it is safe for RECEIPT_TTL: it is done once."""

    def __init__(
        self,
        token: str,
        source: Source,
        receipt: str,
        new_keys: Iterator[str],
        messages: Iterable[Outgoing],
        known_until: KnownUntil,
    ) -> None:
        channels: dict[str, list[Outgoing]] = {}
        for message in messages:
            channels.setdefault(message.name, []).append(message)
        self.steps = channels.pop("", [])
        self.messages = [message for group in channels.values() for message in group]
        self.in_doubt = False  # whether Redis may have done it without our knowing
        self.keys: list[str] = [receipt, *source.global_counters, source.servers_key]
        self.args: list[Any] = [
            token, source.expiry, RECEIPT_TTL, source.channel_counter_ttl, source.global_counter_ttl,
        ]  # fmt: skip
        self._add_steps(source, known_until)
        for name, group in channels.items():
            self.keys += (source.prefix + name, *source.channel_counters(name))
            self.keys += itertools.islice(new_keys, len(group))
            self.args += (group[0].capacity, len(group))
            self.args += [message.body for message in group]

    def _add_steps(self, source: Source, known_until: KnownUntil) -> None:
        """What the journal has to know, for the script."""
        journals: dict[tuple[str, str], int] = {}
        steps = []
        for number, message in [*((0, step) for step in self.steps), *enumerate(self.messages, 1)]:
            entry = message.entry
            if entry is not None:
                journal = journals.setdefault((entry.journal, entry.owner), len(journals) + 1)
                steps.append(f"{message.progress.value} {journal} {number} {entry.key}")
        self.keys += [source.journal_key(id) for id, _ in journals]
        owners = [f"{id} {owner} {known_until(owner)}" for id, owner in journals]
        self.args += (len(journals), *owners, len(steps), *steps)

    @property
    def is_abandoned(self) -> bool:
        return all(message.abandoned for message in self.messages + self.steps)

    @property
    def patience(self) -> float:
        """Seconds from its beginning for which it is tried."""
        return DOUBT_TIMEOUT if self.in_doubt else SEND_TIMEOUT

    def finish(self, reply: bytes) -> None:
        """Tell each sender what became of its message."""
        outcomes = reply.partition(b" ")[2].decode("ascii", "replace")
        if len(outcomes) != len(self.messages):  # a receipt that another hand has written
            for message in self.unfinished():
                message.finish(SendUnknown("what Redis has for a receipt is none"))
            return
        for message, outcome in zip(self.messages, outcomes, strict=True):
            if outcome == "s":
                message.finish(None)
            elif outcome == "f":
                message.finish(ChannelFull(f"channel {message.name!r} is full ({message.capacity} messages)"))
            elif outcome == "t":
                message.finish(TakenOver("another server has taken this operation over"))
            else:
                message.finish(LayerUnavailable(f"what Redis has for channel {message.name!r} is no list"))
        for step in self.steps:
            step.finish(None)

    def unfinished(self) -> list[Outgoing]:
        """What has no outcome yet."""
        return [message for message in self.messages + self.steps if not message.done.is_set()]


class Sender:
    """Sends messages of many tasks to one shard, in the order in which they came, each exactly once.

    A batch whose reply was lost is repeated, under its own token, until Redis answers: the receipt in
    Redis (see redis_scripts) tells whether it was done. That ends after DOUBT_TIMEOUT, or when nobody
    waits for it any more; its sends then fail with SendUnknown. What has not left for SEND_TIMEOUT,
    in a batch that found no connection or queued behind one that is in doubt, fails with
    LayerUnavailable and was not sent. What only the journal has to know is tried until it is done.
    """

    def __init__(self, source: Source, connection: RedisConnection, known_until: KnownUntil) -> None:
        self._source = source
        self._known_until = known_until
        self._connection = connection
        self._pending: deque[Outgoing] = deque()
        self._pending_bytes = 0
        self._left: deque[Outgoing] = deque(maxlen=MAX_PENDING)  # for the journal alone, given up once
        self._work = trio.Event()
        self._room = trio.Event()
        name = secrets.token_hex(8)
        self._receipt = f"{source.prefix}:receipt:{name}"
        self._new_keys = source.new_message_keys()
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
        """Send one message. Raises ChannelFull, SendUnknown and LayerUnavailable (then it was not sent).

        Cancelled, it raises Cancelled only if the message has not been sent and will not be; it
        takes at most CANCEL_TIMEOUT to know. See `Layer.send`.
        """
        await self.submit(message)
        try:
            await message.done.wait()
        except trio.Cancelled:
            if self._withdraw(message):
                raise
            # Without its outcome the caller would be told that it was not sent, and might send another.
            with trio.move_on_after(CANCEL_TIMEOUT, shield=True):
                await message.done.wait()
            message.abandoned = True
            if not message.done.is_set():
                raise SendUnknown("Redis does not answer; whether the message was sent is unknown") from None
            if message.outcome is not None and not isinstance(message.outcome, SendUnknown):
                raise
        outcome, message.outcome = message.outcome, None
        if outcome is not None:
            try:
                raise outcome
            finally:
                del outcome  # its traceback has this frame, and that the message's body: see garbage.py

    async def serve(self) -> None:
        """Send what is pending, batch after batch, until cancelled."""
        try:
            while True:
                while not self._pending:
                    self._work = trio.Event()
                    with trio.move_on_after(LEFT_INTERVAL if self._left else math.inf):
                        await self._work.wait()
                    self._take_up_left()
                # Everybody who is ready to send at this moment gets into this batch.
                await trio.lowlevel.checkpoint()
                if messages := self._take():
                    token = str(next(self._tokens))
                    batch = Batch(
                        token, self._source, self._receipt, self._new_keys, messages, self._known_until
                    )
                    await self._send(batch)
        finally:
            self._closed = True
            while self._pending:
                self._pop().finish(LayerUnavailable("the channel layer has been closed"))

    async def _send(self, batch: Batch) -> None:
        begun = trio.current_time()
        backoff = Backoff()
        failure = LayerUnavailable(f"Redis did not answer for {SEND_TIMEOUT:g} s; the message was not sent")
        try:
            while not batch.is_abandoned and trio.current_time() < begun + batch.patience:
                with trio.move_on_at(begun + batch.patience):
                    cause = await self._try(batch)
                    if cause is None:
                        return
                    failure = LayerUnavailable(f"{cause}; the message was not sent")
                    failure.__cause__ = cause
                    await trio.sleep(backoff.next())
                self._fail_older(trio.current_time() - SEND_TIMEOUT, failure)
        finally:
            # Also when this is cancelled: nobody is left waiting.
            unknown = SendUnknown("Redis did not answer; whether the message was sent is unknown")
            for message in batch.unfinished():
                self._give_up(message, unknown if batch.in_doubt else failure)

    async def _try(self, batch: Batch) -> LayerUnavailable | None:
        """Send the batch once. Returns None if Redis told what became of it."""
        refused = False
        try:
            batch.finish(await self._connection.run(SEND, batch.keys, batch.args))
        except LayerUnavailable as error:
            refused = isinstance(error.__cause__, REFUSALS)
            return error
        finally:
            # Also when this is cancelled.
            batch.in_doubt = batch.in_doubt or (self._connection.has_left and not refused)
        return None

    def _fail_older(self, time: float, cause: LayerUnavailable) -> None:
        """Fail what has waited in the queue for SEND_TIMEOUT, rather than try it batch after batch."""
        while self._pending and self._pending[0].born <= time:
            error = LayerUnavailable("the message was not sent, Redis is away")
            error.__cause__ = cause
            self._give_up(self._pop(), error)

    def _give_up(self, message: Outgoing, error: LayerError) -> None:
        """Fail a message. What only the journal has to know is kept, or it would hold its operation on."""
        message.finish(error)
        if not message.name and message.entry is not None:
            self._left.append(Outgoing("", b"", 0, message.entry, message.progress))

    def _take_up_left(self) -> None:
        self._pending.extend(self._left)
        self._left.clear()

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

    def _withdraw(self, message: Outgoing) -> bool:
        """Whether it was still here, and will not be sent now."""
        try:
            self._pending.remove(message)
        except ValueError:
            return False
        self._pending_bytes -= len(message.body)
        return True
