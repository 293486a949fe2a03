"""The native bridge: a project's asgi_redis channel layer, spoken from Trio.

    tasks ── send ──▶ Sender (a shard) ── one script call a batch ──▶ Redis
    tasks ◀─ receive ─ Receiver (a shard) ◀─ one script call a batch ─ Redis

Redis cannot tell it from asgi_redis but by the keys that redis_scripts lists. The client is
redis.asyncio in one trio-asyncio loop (redis_loop), which nothing but the bridge uses.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import redis
import trio

from ..errors import ChannelFull, LayerError, LayerUnavailable, SendUnknown
from .base import (
    DeadLetter,
    Entry,
    Judge,
    LayerStatistics,
    Message,
    Progress,
    Queue,
    Received,
    Receiving,
    Survey,
)
from .names import check_channel, check_group, check_receive
from .redis_connection import SharedConnection
from .redis_loop import AsyncioLoop
from .redis_reports import newest
from .redis_scripts import GROUP_ADD, GROUP_MEMBERS
from .redis_send import Outgoing
from .redis_shard import Shard
from .redis_source import Source, read_source
from .redis_watchdog import watch

logger = logging.getLogger("server_trio.layers")

CLOSE_TIMEOUT = 2.0  # seconds to give back what is claimed; Redis answers within milliseconds or is away
HOMES = 1000  # lists whose shard is remembered; of more, all are looked up again
GROUP_CHUNK = 500  # members whose messages are held in memory at once


class RedisLayer:
    """A `Layer` over asgi_redis's format; made by `open_redis_layer`.

    `receive` waits through an outage of Redis and goes on when it is back. `send` waits through a
    short one and then raises LayerUnavailable or SendUnknown. The asynchronous replication of Redis
    is the limit of what is promised: a failover can lose what the old master had not yet passed on.
    """

    def __init__(self, source: Source, shards: Sequence[Shard], loop: AsyncioLoop) -> None:
        self.loop = loop
        self._source = source
        self._shards = shards
        self._turns = itertools.cycle(range(len(shards)))
        #: By list, of those that were sent to lately: there is one for all browsers of a daphne.
        self._homes: dict[str, tuple[Shard | None, int]] = {}
        self._sent = self._received = self._full = 0

    @property
    def shards(self) -> int:
        return len(self._shards)

    def shard_of(self, channel: str) -> int:
        return self._source.consistent_hash(channel.partition("!")[0] + "!" * ("!" in channel))

    async def send(
        self, channel: str, message: Message, *, entry: Entry | None = None, progress: Progress = Progress.ON
    ) -> None:
        shard, outgoing = self._prepare(channel, message)
        elsewhere = entry is not None and self._shards[entry.shard] is not shard
        if entry is not None and not elsewhere:
            outgoing.entry, outgoing.progress = entry, progress
        if entry is not None and elsewhere and progress is Progress.BEGUN:
            # Before the message: what has perhaps begun is not begun again.
            await self._note_begun(entry)
        try:
            await shard.sender.send(outgoing)
        except ChannelFull:
            self._full += 1
            raise
        self._sent += 1
        if entry is not None and elsewhere and progress is Progress.DONE:
            await self.release(entry)

    async def release(self, entry: Entry) -> None:
        # Not waited for: the sender tries until it is done.
        await self._shards[entry.shard].sender.submit(Outgoing("", b"", 0, entry, Progress.DONE))

    async def bury(self, entry: Entry, reason: str) -> None:
        await self._shards[entry.shard].dead.bury(entry, reason)

    async def dead_letters(self) -> list[DeadLetter]:
        letters = [letter for shard in self._shards for letter in await shard.dead.all()]
        return sorted(letters, key=lambda letter: -letter.died_at)

    async def drop_dead_letter(self, id: str) -> bool:
        return any([await shard.dead.drop(id) for shard in self._shards])

    async def tell(self, text: bytes) -> None:
        await self._shards[0].news.tell(text)

    async def hear(self) -> list[bytes]:
        return await self._shards[0].news.hear()

    async def publish(self, report: Message) -> None:
        for shard in self._shards:
            if shard.health.connected:
                with contextlib.suppress(LayerUnavailable):
                    await shard.reports.publish(report)

    async def reports(self) -> list[Message]:
        found: list[Message] = []
        for shard in self._shards:
            with contextlib.suppress(LayerUnavailable):
                found += await shard.reports.all()
        return newest(found)

    async def queue(self, channel: str) -> Queue | None:
        check_channel(channel)
        queues: list[Queue] = []
        for shard in self._shards:
            with contextlib.suppress(LayerUnavailable):
                queues.append(await shard.reports.queue(channel))
        if not queues:
            return None
        return Queue(sum(queue.length for queue in queues), max(queue.oldest_age for queue in queues))

    async def survey(self, channel: str) -> Survey:
        facts, away = [], []
        for shard in self._shards:
            try:
                facts.append(await shard.survey(channel))
            except LayerUnavailable:
                away.append(shard.health.label)
        return Survey(facts, away)

    async def _note_begun(self, entry: Entry) -> None:
        """Tell the journal of another shard; one that is away does not keep the answer back.

        Nobody can take the operation over there meanwhile, and the sender goes on trying.
        """
        shard = self._shards[entry.shard]
        note = Outgoing("", b"", 0, entry, Progress.BEGUN)
        if not shard.health.connected:
            await shard.sender.submit(note)
            return
        with contextlib.suppress(LayerUnavailable, SendUnknown):
            await shard.sender.send(note)

    async def receive(
        self, shard: int, channels: Sequence[str], limit: int, *, journal: bool = False
    ) -> list[Received]:
        names = check_receive(channels, limit)
        await self._shards[shard].opened.wait()
        received = await self._shards[shard].receiver.receive(names, limit, journal)
        self._received += len(received)
        return received

    async def recover(self, shard: int, limit: int, only: Judge | None = None) -> list[Received]:
        received = await self._shards[shard].journal.recover(limit, only)
        self._received += len(received)
        return received

    async def group_send(self, group: str, message: Message) -> None:
        """As asgi_redis (core.py:332-342), in batches.

        Raises the first error that was not a full channel, after all members have been tried: a
        shard that is away does not keep messages from the members on the others.
        """
        control, key = self._group(group)
        oldest = int(time.time()) - self._source.group_expiry
        members = await control.run(GROUP_MEMBERS, [key], [oldest])
        failures: list[LayerError] = []
        for start in range(0, len(members), GROUP_CHUNK):
            on_their_way = []
            for member in members[start : start + GROUP_CHUNK]:
                try:
                    home, outgoing = self._prepare(member.decode("utf-8", "replace"), message)
                    await home.sender.submit(outgoing)
                except LayerError as error:
                    failures.append(error)
                else:
                    on_their_way.append(outgoing)
            try:
                for outgoing in on_their_way:
                    await outgoing.done.wait()
                    if outgoing.outcome is None:
                        self._sent += 1
                    elif isinstance(outgoing.outcome, ChannelFull):
                        self._full += 1
                    else:
                        failures.append(outgoing.outcome)
            finally:
                for outgoing in on_their_way:
                    outgoing.abandoned = True
        if failures:
            raise failures[0]

    async def group_add(self, group: str, channel: str) -> None:
        """As asgi_redis (core.py:283-302)."""
        check_channel(channel)
        control, key = self._group(group)
        await control.run(GROUP_ADD, [key], [repr(time.time()), channel, self._source.group_expiry])

    async def group_discard(self, group: str, channel: str) -> None:
        """As asgi_redis (core.py:304-315)."""
        check_channel(channel)
        control, key = self._group(group)
        await control.command("ZREM", key, channel)

    def receiving(self) -> list[Receiving]:
        return [Receiving(shard.health.connected, shard.receiver.stands_still) for shard in self._shards]

    def statistics(self) -> LayerStatistics:
        healths = [shard.health for shard in self._shards]
        return LayerStatistics(
            sent=self._sent,
            received=self._received,
            full=self._full,
            round_trips=sum(health.round_trips for health in healths),
            reconnects=sum(health.reconnects for health in healths),
            connected=all(health.connected for health in healths),
        )

    def _group(self, group: str) -> tuple[SharedConnection, str]:
        """Where the members of a group are: the shard's connection, and the key there."""
        check_group(group)
        shard = self._shards[self._source.consistent_hash(group)]
        return shard.control, self._source.group_key(group)

    def _prepare(self, channel: str, message: Message) -> tuple[Shard, Outgoing]:
        check_channel(channel)
        name, body = self._source.codec.encode(channel, message)
        shard, capacity = self._homes.get(name) or self._new_home(name)
        return shard or self._shards[next(self._turns)], Outgoing(name, body, capacity)

    def _new_home(self, name: str) -> tuple[Shard | None, int]:
        """Where messages for the list `name` go (None: on any shard), and how many there may be."""
        is_bound = "!" in name or "?" in name
        shard = self._shards[self._source.consistent_hash(name)] if is_bound else None
        if len(self._homes) >= HOMES:
            self._homes.clear()
        home = self._homes[name] = shard, self._source.get_capacity(name)
        return home


@asynccontextmanager
async def open_redis_layer(backend: Any, *, visiting: bool = False) -> AsyncIterator[RedisLayer]:
    """The bridge to the Redis of `backend`, the project's asgi_redis layer object.

    `visiting`: only to look, or to send; the journal does not count this process among the servers, so
    that it neither takes over from others nor can be taken over from.

    Raises LayerUnavailable if no shard can be reached now, or one does not let us in; those that are away
    are waited for. At the end what was claimed and
    not returned by `receive` is given back, within CLOSE_TIMEOUT.
    """
    source = read_source(backend)
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        # Exceptions of the caller's block go around this nursery, which would wrap them in a group.
        try:
            loop = AsyncioLoop()
            await nursery.start(loop.serve)
            shards = [
                Shard(source, number, endpoint, loop, nursery, visiting)
                for number, endpoint in enumerate(source.endpoints)
            ]
            try:
                await _open(shards, nursery)
                for shard in shards:
                    nursery.start_soon(shard.sender.serve)
                    if not visiting:
                        nursery.start_soon(shard.journal.serve)
                nursery.start_soon(watch, loop, [shard.receiver for shard in shards])
                yield RedisLayer(source, shards, loop)
            finally:
                with trio.move_on_after(CLOSE_TIMEOUT, shield=True) as closing:
                    async with trio.open_nursery() as closers:
                        for shard in shards:
                            closers.start_soon(shard.close)
                if closing.cancelled_caught and not visiting:  # a visitor holds nothing
                    logger.warning("the channel layer was closed while Redis was away; what it held is lost")
        except Exception as error:
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _open(shards: Sequence[Shard], nursery: trio.Nursery) -> None:
    """Connect to all shards; to those that are away later, if there is another one."""
    failures: dict[Shard, LayerUnavailable] = {}

    async def open_one(shard: Shard) -> None:
        try:
            await shard.open()
        except LayerUnavailable as error:
            failures[shard] = error

    async with trio.open_nursery() as openers:
        for shard in shards:
            openers.start_soon(open_one, shard)
    for shard, failure in failures.items():
        # A wrong password does not mend itself; a Redis that loads its data does.
        is_wrong = isinstance(failure.__cause__, (redis.ResponseError, redis.AuthenticationError))
        if len(failures) == len(shards) or is_wrong:
            raise failure
        shard.health.missing(failure)
        nursery.start_soon(shard.open_later)
