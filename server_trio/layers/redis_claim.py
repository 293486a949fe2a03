"""Taking messages off one shard without ever having one only on the wire."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis
import trio

from ..errors import LayerUnavailable
from ..limits import MiB
from .base import Received
from .redis_connection import Command, RedisConnection
from .redis_journal import ShardJournal
from .redis_scripts import CLAIM, CLAIMED_EXTRA_TTL, GIVE_BACK, JOURNAL_TTL, MAX_BATCH
from .redis_source import Source

CLAIM_BYTES = 8 * MiB  # of bodies, after which a claim takes no further message
BLOCK_TIME = 5  # seconds that a blocking command stays; a dead connection is noticed one of these later
BLOCK_TIME_UNSTOPPABLE = 1  # seconds, on a Redis that has no CLIENT UNBLOCK (older than 5.0)
BLOCK_MARGIN = 5.0  # seconds beyond the block time until silence counts as a dead connection
UNBLOCK_PAUSE = 0.02  # seconds between two CLIENT UNBLOCK, of which the first may be too early


@dataclass
class Held:
    """What one claimer knows of one channel. Keys of messages are bytes, empty for none."""

    channel: str
    claimed_key: str
    channel_key: str
    last: bytes = b""  # the last message of the last reply
    arrived: bytes = b""  # the last message that was accepted
    popped: bytes = b""  # what BLPOP took and no claim has noted yet


class Claimer:
    """Takes messages of certain channels of one shard, on a connection of its own, for one task at a time.

    What it has taken is in its claimed lists (see redis_scripts) until it is acknowledged with
    the next `claim`, or until `give_back`. So after trouble at any point `claim` is simply called
    again.
    """

    def __init__(
        self, source: Source, channels: Sequence[str], connection: RedisConnection, control: RedisConnection,
        journal: ShardJournal, *, keep: bool, can_move: bool, can_unblock: bool,
    ) -> None:  # fmt: skip
        """`control`: a connection for the commands that release a blocked one.

        `keep`: what is taken goes into the journal.

        `can_move`: Redis has BLMOVE (6.2). `can_unblock`: it has CLIENT UNBLOCK (5.0).
        """
        self._source = source
        self._connection = connection
        self._control = control
        self._journal = journal
        self._keep = keep
        self._can_move = can_move and len(channels) == 1
        self._can_unblock = can_unblock
        self._held = [Held(channel, "", source.prefix + channel) for channel in channels]
        self._name_lists(journal.id)
        self._block_over: trio.Event | None = None  # of the present `wait`
        self._being_unblocked: trio.Event | None = None  # the one that `unblock` is at work for

    async def claim(self, limit: int) -> tuple[list[Received], bool]:
        """At most `limit` messages, and whether more should be asked for at once.

        Does not wait for messages. What it returns counts as taken once `accept` is called; until
        then the next claim returns it again. (More than `limit` if that has shrunk since.)
        Raises LayerUnavailable.
        """
        # Another channel comes first each time, so that a busy one does not starve the others.
        held = self._held = self._held[1:] + self._held[:1]
        while True:
            id = self._journal.id
            await self._join(id)
            args: list[Any] = [min(limit, MAX_BATCH), CLAIM_BYTES, self._source.expiry + CLAIMED_EXTRA_TTL]
            attempt = f"1 {time.time():.3f} " if self._keep else ""
            args += [attempt, JOURNAL_TTL, id, self._journal.known_until(id) or ""]
            for one in held:
                args += (one.channel, one.arrived, one.popped)
            keys = [self._source.servers_key, *self._keys(id)]
            reply = await self._connection.run(CLAIM, keys, args)
            if len(reply) > 2:
                break
            if reply:
                self._journal.leave(id, *reply)
            else:
                self._journal.renounce(id)
        frames, bodies, names, *last = reply
        for one, key in zip(held, last, strict=True):
            one.last, one.popped = key, b""
        received = self._read(frames, memoryview(bodies), names.split(b"\n"), id)
        if not received:
            # Names whose messages have expired: nobody will accept them, and they must not be asked again.
            self.accept()
        return received, any(last)

    def accept(self) -> None:
        """The messages of the last claim have arrived where they are safe from cancellation."""
        for one in self._held:
            one.arrived = one.last

    async def give_back(self) -> None:
        """Return what was taken and not accepted to the heads of its channels, and forget the rest.

        Raises LayerUnavailable; then it can be called again.
        """
        if any(one.popped for one in self._held):
            await self.claim(1)
        await self._return_lists()

    async def _return_lists(self) -> None:
        args = [self._source.expiry, "1" if self._keep else "", *(one.arrived for one in self._held)]
        await self._connection.run(GIVE_BACK, self._keys(self._journal.id), args)

    async def _join(self, id: str) -> None:
        """Take for the journal of that id, into lists that nobody else looks into.

        The former ones are in the hands of who has taken over, who gives back what is in them; so does
        this with what a blocked command has moved there since, for the other looks for a while only.
        """
        if id != self._id:
            await self._return_lists()
            self._name_lists(id)

    def _name_lists(self, id: str) -> None:
        self._id = id
        claimed = f"{self._source.prefix}:claimed:{secrets.token_hex(8)}:"
        for one in self._held:
            one.claimed_key = claimed + one.channel
            one.last = one.arrived = b""

    def _keys(self, id: str) -> list[str]:
        keys = [self._source.journal_key(id), self._source.claims_key(id)]
        return keys + [key for one in self._held for key in (one.claimed_key, one.channel_key)]

    async def close(self) -> None:
        """Disconnect. What has not been given back goes with its TTL."""
        await self._connection.close()

    # --- waiting ---------------------------------------------------------------------------------

    async def wait(self) -> None:
        """Block in Redis until there may be a message, BLOCK_TIME has passed or `unblock` is called.

        Not to be cancelled while anybody wants the messages. Raises LayerUnavailable.
        """
        seconds = BLOCK_TIME if self._can_unblock else BLOCK_TIME_UNSTOPPABLE
        self._block_over = trio.Event()
        try:
            if self._can_move:
                # The key moves into the claimed list within Redis, where the next claim finds it.
                (one,) = self._held
                command: Command = ("BLMOVE", one.channel_key, one.claimed_key, "LEFT", "RIGHT", seconds)
            else:
                # With several channels, or before 6.2, Redis knows nothing better than this. The
                # key is on the wire for a moment, as it always is with asgi_redis.
                command = ("BLPOP", *(one.channel_key for one in self._held), seconds)
            (reply,) = await self._connection.exchange(command, timeout=seconds + BLOCK_MARGIN)
        finally:
            self._block_over.set()
            self._block_over = None
        if isinstance(reply, redis.RedisError):
            await self._blocked_in_vain(reply)
        elif reply is not None and not self._can_move:
            channel_key, message_key = reply
            for one in self._held:
                if one.channel_key.encode("utf-8") == channel_key:
                    one.popped = message_key

    async def _blocked_in_vain(self, reply: redis.RedisError) -> None:
        text = str(reply)
        if self._can_move and ("unknown command" in text or text.startswith("NOPERM")):
            self._can_move = False  # a proxy, a renamed command, an ACL: the other way needs less
            return
        # UNBLOCKED or READONLY: this Redis is no longer the master. WRONGTYPE: somebody else's key.
        raise await self._connection.refused(reply) from reply

    async def unblock(self) -> None:
        """End a `wait`, if there is one, without losing what it may just have taken."""
        block_over = self._block_over
        if block_over is None or block_over is self._being_unblocked:
            return
        self._being_unblocked = block_over
        while not block_over.is_set():
            client_id = self._connection.client_id
            if self._can_unblock and client_id is not None:
                with contextlib.suppress(LayerUnavailable):  # without it the block ends by itself
                    await self._control.exchange(("CLIENT", "UNBLOCK", client_id))
            with trio.move_on_after(UNBLOCK_PAUSE):
                await block_over.wait()

    # --- reading ---------------------------------------------------------------------------------

    def _read(self, frames: bytes, bodies: memoryview, names: list[bytes], id: str) -> list[Received]:
        numbers = [int(number) for number in frames.split()]
        received = []
        offset = 0
        for number, (index, size) in enumerate(zip(numbers[::2], numbers[1::2], strict=True)):
            body = bodies[offset : offset + size]
            entry = self._journal.entry(id, names[number]) if self._keep else None
            received.append(self._source.codec.decode(self._held[index - 1].channel, body, entry))
            offset += size
        return received
