"""Taking messages off one shard without ever having one only on the wire."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import redis
import trio

from ..errors import LayerUnavailable
from ..limits import MiB
from .base import Received
from .redis_claim_scripts import CLAIM, GIVE_BACK
from .redis_connection import Command, RedisConnection
from .redis_journal import ShardJournal
from .redis_scripts import CLAIMED_EXTRA_TTL, JOURNAL_TTL, MAX_BATCH
from .redis_source import Source

CLAIM_BYTES = 8 * MiB  # of bodies, after which a claim takes no further message
BLOCK_TIME = 5  # seconds that a blocking command stays; a dead connection is noticed one of these later
BLOCK_TIME_UNSTOPPABLE = 1  # seconds, on a Redis that has no CLIENT UNBLOCK (older than 5.0)
BLOCK_MARGIN = 5.0  # seconds beyond the block time until silence counts as a dead connection
MOST_APART = 8  # channels that a claimer waits for on a connection each; of more, one on the wire can be lost
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


class Wait:
    """What becomes of the blocking commands of one `Claimer.wait`, of which the first that ends ends all."""

    def __init__(self, over: trio.Event, number: int) -> None:
        self.first = trio.Event()
        self.replies: list[Any] = []
        self.failure: LayerUnavailable | None = None
        self._over = over
        self._left = number

    async def block(self, line: RedisConnection, commands: Sequence[Command], timeout: float) -> None:
        """Have one done, and what is to follow it."""
        try:
            self.replies += await line.exchange(*commands, timeout=timeout)
        except LayerUnavailable as error:
            self.failure = error
        finally:
            self._left -= 1
            if not self._left:
                self._over.set()
            self.first.set()


class Claimer:
    """Takes messages of certain channels of one shard, on connections of its own, for one task at a time.

    What it has taken is in its claimed lists (see redis_scripts) until it is acknowledged with
    the next `claim`, or until `give_back`. So after trouble at any point `claim` is simply called
    again.
    """

    def __init__(
        self, source: Source, channels: Sequence[str], connect: Callable[[], RedisConnection],
        control: RedisConnection, journal: ShardJournal, *, keep: bool, can_move: bool, can_unblock: bool,
    ) -> None:  # fmt: skip
        """`control`: a connection for the commands that release a blocked one.

        `keep`: what is taken goes into the journal.

        `can_move`: Redis has BLMOVE (6.2). `can_unblock`: it has CLIENT UNBLOCK (5.0).
        """
        self._source = source
        self._can_move = can_move and len(channels) <= MOST_APART
        self._lines = [connect() for _ in (channels if self._can_move else channels[:1])]
        self._connection = self._lines[0]
        self._control = control
        self._journal = journal
        self._keep = keep
        self._can_unblock = can_unblock
        self._held = [Held(channel, "", source.prefix + channel) for channel in channels]
        self._name_lists(journal.id)
        self.has_all = False  # the last claim has probably left nothing, so `wait` before the next
        self._ahead: tuple[str, list[Any]] | None = None  # a reply to the next claim, and for whose journal
        self._block_over: trio.Event | None = None  # of the present `wait`
        self._being_unblocked: trio.Event | None = None  # the one that `unblock` is at work for

    async def claim(self, limit: int) -> tuple[list[Received], bool]:
        """At most `limit` messages, and whether more should be asked for at once.

        Does not wait for messages. What it returns counts as taken once `accept` is called; until
        then the next claim returns it again. (More than `limit` if that has shrunk since.)
        Raises LayerUnavailable.
        """
        while True:
            if self._ahead is not None:
                (id, reply), self._ahead = self._ahead, None
            else:
                # Another channel comes first each time, so that a busy one does not starve the others.
                self._held = self._held[1:] + self._held[:1]
                id, keys, args = await self._question(limit, f"{time.time():.3f}")
                reply = await self._connection.run(CLAIM, keys, args)
            if len(reply) > 2:
                break
            if reply:
                self._journal.leave(id, *reply)
            else:
                self._journal.renounce(id)
        frames, bodies, names, *last = reply
        for one, key in zip(self._held, last, strict=True):
            one.last, one.popped = key, b""
        received = self._read(frames, memoryview(bodies), names.split(b"\n"), id)
        # Of what is in the journal the claimed list has the bare names: they may stay in it while this waits.
        self.has_all = self._keep and 0 < len(received) < limit
        if not received:
            # Names whose messages have expired: nobody will accept them, and they must not be asked again.
            self.accept()
        return received, any(last)

    async def _question(self, limit: int, now: str) -> tuple[str, list[str], list[Any]]:
        """Whose journal a claim is for, and what the script is to be given."""
        id = self._journal.id
        await self._join(id)
        args: list[Any] = [min(limit, MAX_BATCH), CLAIM_BYTES, self._source.expiry + CLAIMED_EXTRA_TTL]
        attempt = f"1 {now} " if self._keep else ""
        args += [attempt, JOURNAL_TTL, id, self._journal.known_until(id) or ""]
        for one in self._held:
            args += (one.channel, one.arrived, one.popped)
        return id, [self._source.servers_key, *self._keys(id)], args

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
        self._ahead = None  # what it has was not accepted
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
        keys = [self._source.journal_key(id), self._source.claims_key(self._id)]
        return keys + [key for one in self._held for key in (one.claimed_key, one.channel_key)]

    def close(self) -> None:
        """Disconnect. What has not been given back goes with its TTL."""
        for line in self._lines:
            line.close()

    # --- waiting ---------------------------------------------------------------------------------

    async def wait(self, limit: int) -> None:
        """Block in Redis until there may be a message, BLOCK_TIME has passed or `unblock` is called.

        `limit` is that of the claim which follows. Not to be cancelled while anybody wants the messages.
        Raises LayerUnavailable.
        """
        self.has_all = False
        seconds = BLOCK_TIME if self._can_unblock else BLOCK_TIME_UNSTOPPABLE
        moves = self._can_move
        lines: list[tuple[RedisConnection, tuple[Command, ...]]]
        asked = ""
        if moves and self._keep and len(self._lines) == 1:
            # Redis does the claim when the move is done: that spares a round trip for each message that is
            # waited for. When that will be Redis alone knows.
            asked, keys, args = await self._question(limit, "@")
            claim = ("EVALSHA", CLAIM.sha, len(keys), *keys, *args)
            lines = [(self._connection, (self._move(self._held[0], seconds), claim))]
        elif moves:
            # The key moves into the claimed list within Redis, where the next claim finds it.
            lines = [
                (line, (self._move(one, seconds),))
                for line, one in zip(self._lines, self._held, strict=True)
            ]
        else:
            # With many channels, or before 6.2, Redis knows nothing better than this. The
            # key is on the wire for a moment, as it always is with asgi_redis.
            lines = [(self._connection, (("BLPOP", *(one.channel_key for one in self._held), seconds),))]
        over = self._block_over = trio.Event()
        wait = Wait(over, len(lines))
        try:
            if len(lines) == 1:
                await wait.block(*lines[0], seconds + BLOCK_MARGIN)
            else:
                async with trio.open_nursery() as nursery:
                    for line, commands in lines:
                        nursery.start_soon(wait.block, line, commands, seconds + BLOCK_MARGIN)
                    await wait.first.wait()
                    await self.unblock()
        finally:
            over.set()
            self._block_over = None
        if asked and len(wait.replies) == 2:
            reply = wait.replies.pop()
            if not isinstance(reply, redis.RedisError):  # else the next claim meets it, and may help itself
                self._ahead = asked, reply
        refused = next((reply for reply in wait.replies if isinstance(reply, redis.RedisError)), None)
        if refused is not None:
            await self._blocked_in_vain(refused)
        if wait.failure is not None:
            raise wait.failure
        if not moves and wait.replies[0] is not None:
            self._note_popped(*wait.replies[0])

    @staticmethod
    def _move(one: Held, seconds: int) -> Command:
        return ("BLMOVE", one.channel_key, one.claimed_key, "LEFT", "RIGHT", seconds)

    def _note_popped(self, channel_key: bytes, message_key: bytes) -> None:
        """What BLPOP has answered."""
        for one in self._held:
            if one.channel_key.encode("utf-8") == channel_key:
                one.popped = message_key

    async def _blocked_in_vain(self, reply: redis.RedisError) -> None:
        text = str(reply)
        if self._can_move and ("unknown command" in text or text.startswith("NOPERM")):
            self._can_move = False  # a proxy, a renamed command, an ACL: the other way needs less
            return
        # UNBLOCKED or READONLY: this Redis is no longer the master. WRONGTYPE: somebody else's key.
        raise self._connection.refused(reply) from reply

    async def unblock(self) -> None:
        """End a `wait`, if there is one, without losing what it may just have taken."""
        block_over = self._block_over
        if block_over is None or block_over is self._being_unblocked:
            return
        self._being_unblocked = block_over
        while not block_over.is_set():
            ids = [line.client_id for line in self._lines if line.client_id is not None]
            if self._can_unblock and ids:
                with contextlib.suppress(LayerUnavailable):  # without it the block ends by itself
                    await self._control.exchange(*(("CLIENT", "UNBLOCK", id) for id in ids))
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
