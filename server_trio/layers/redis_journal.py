"""The journal of one shard: what this server has claimed and not answered, and taking over from the dead.

Each server has an id, and beats once a second. Who sees another's last heartbeat unchanged for
DEAD_AFTER, while Redis answered it all the time, takes over: one of all that try, by a comparison
within Redis. From then on the other's journal is this server's: it beats for it, and is the owner
that may answer what is in it. A server that was only slow learns of it with its next claim, send or
heartbeat; it goes on under a new id, and nothing of what it had can be answered twice. That is why
its id is kept for a while, in the taker's name, when all of it has been done.

The clock of no server is compared with another's.
"""

from __future__ import annotations

import itertools
import logging
import math
import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, TypeAlias

import trio

from ..errors import LayerUnavailable
from ..rhythm import next_time
from .base import Entry, Judge, Past, Received
from .redis_connection import SAID_AGAIN, RedisConnection
from .redis_journal_scripts import BEAT, LOOK_AGAIN, NOTE, TAKE_OVER
from .redis_scripts import JOURNAL_TTL, TAKEN_TTL
from .redis_source import Source

logger = logging.getLogger("server_trio.layers")

BEAT_INTERVAL = 1.0  # seconds
DEAD_AFTER = 3.0  # seconds without a heartbeat

#: Seconds for which it is remembered who was taken over from, once all of it is done: a server that only
#: stood still must find that its operations are its own no more, whenever it goes on. They have a deadline.
FENCE_TIME = 600.0

#: Seconds, by Redis's clock, after a heartbeat, in which Redis can only have lost everything if it knows its
#: owner no more. Later another may have taken over and be done, and its note have gone (TAKEN_TTL).
TRUST_TIME = TAKEN_TTL - 60

TAKEN_AT_ONCE = 50  # servers that are taken over from between two heartbeats, each in a round trip
MOST_OTHERS = 1000  # that are held; each is a part of every heartbeat
#: Seconds for which a blocking command of a server may outlive it; redis_claim.BLOCK_TIME and something over.
LATE_TIME = 7.0
LATE_CLAIMS_TTL = 60  # seconds
RECOVER_BATCH = 50  # messages read at once; each may be some megabytes

# What servers write. Whoever else can write to Redis must not be able to end one with something different.
_ID = re.compile(rb"[A-Za-z0-9]{1,64}")
_KEPT = re.compile(
    rb"(S?)([0-9]{1,9}) ([0-9]{1,12}(?:\.[0-9]{1,9})?) ([A-Za-z0-9_.!?-]{1,200}) (.*)", re.DOTALL
)


Waiting: TypeAlias = OrderedDict[tuple[str, bytes], None]  # (journal, entry), oldest first


@dataclass
class Seen:
    """Another server's last heartbeat, and when it was seen first."""

    value: bytes
    since: float  # Trio's clock, seconds
    looks: int = 0  # how often it was found unchanged


class ShardJournal:
    """This server's place in one shard's journal. `id` changes when another server takes over."""

    def __init__(self, source: Source, shard: int, connection: RedisConnection) -> None:
        self._source = source
        self._shard = shard
        self._connection = connection
        self.id = secrets.token_hex(8)
        self._owners: dict[str, str] = {}  # by id that has been taken over: the name under which it is had
        #: By id that has been taken over: when it was done, None before.
        self._others: dict[str, float | None] = {}
        self._known_until: dict[str, int] = {}  # by owner; Redis's clock, epoch seconds
        self._late: dict[str, float] = {}  # by id that has been taken over: until when Redis may move for it
        self._seen: dict[str, Seen] = {}
        self._beats = 0
        self._complained_at = -math.inf  # of strange entries; Trio's clock
        self._waiting: Waiting = OrderedDict()  # not yet handed out
        self._unwanted: Waiting = OrderedDict()  # nor these; who takes only some has left them
        #: Tasks that wait for what is taken over; none in a server that drains, or that has consumers only.
        self._recovering = 0
        self._has_judge = False  # there is somebody who takes only some, and is asked first
        self._handing_out = trio.Lock()
        self._arrival = trio.Event()
        self._hurry = trio.Event()  # the next heartbeat is due now

    async def serve(self) -> None:
        """Beat until cancelled. A Redis that is away is nobody's death: looking starts anew after it."""
        while True:
            with trio.move_on_at(next_time(BEAT_INTERVAL)):
                await self._hurry.wait()
            self._hurry = trio.Event()
            try:
                await self.beat()
            except LayerUnavailable:
                self._seen.clear()

    async def beat(self, *, last: bool = False) -> None:
        """Say that this server lives, and look after the others. `last`: it does not any more.

        Raises LayerUnavailable.
        """
        try:
            await self._beat(last)
        except LayerUnavailable:
            await self._beat(last)  # the connection was perhaps one to a Redis that is no more

    async def _beat(self, last: bool) -> None:
        self._beats += 1
        ids = [self.id, *self._others]
        long_ago = trio.current_time() - FENCE_TIME
        old = {id for id, done_at in self._others.items() if done_at is not None and done_at < long_ago}
        keys = [self._source.servers_key]
        for id in ids:
            keys += (self._source.journal_key(id), self._source.claims_key(id))
        args = [self._beats, JOURNAL_TTL, "1" if last else ""]
        owners = [self._owners.get(id, id) for id in ids]
        args += [
            f"{'f' if id in old else 'k'}{id} {owner} {self.known_until(owner) or '-'}"
            for id, owner in zip(ids, owners, strict=True)
        ]
        servers, states, now = await self._connection.run(BEAT, keys, args)
        known = zip(owners, states.decode("ascii"), strict=True)
        self._known_until = {owner: now + int(TRUST_TIME) for owner, state in known if state != "t"}
        if states.startswith(b"t"):
            self.renounce(ids[0])
        waiting = {journal for journal, _ in itertools.chain(self._waiting, self._unwanted)}
        for id, owner, state in zip(ids[1:], owners[1:], states.decode("ascii")[1:], strict=True):
            if owner == id and (last or id in old):  # one that `leave` was called for; others were looked at
                self._late[id] = trio.current_time() + LATE_TIME
            if state == "t":
                self._forget(id)
            if state == "t" or (state == "d" and id in old):
                self._others.pop(id, None)
                self._owners.pop(id, None)
            elif state == "d" and id not in waiting and self._others.get(id, 0.0) is None:
                self._others[id] = trio.current_time()
        await self._look_again(last)
        if not last:
            await self._look_after(dict(zip(servers[::2], servers[1::2], strict=True)))

    async def _look_again(self, last: bool) -> None:
        """Give back what Redis has moved for those who are dead."""
        if late := list(self._late):
            source, now = self._source, trio.current_time()
            over = {id for id in late if last or self._late[id] < now}
            args = [source.expiry, source.prefix, *("1" if id in over else "" for id in late)]
            await self._connection.run(LOOK_AGAIN, [source.claims_key(id) for id in late], args)
            for id in over:
                self._late.pop(id, None)  # a last heartbeat may come between

    def renounce(self, id: str) -> None:
        """Another server has taken over what was claimed as `id`; go on under a new one."""
        if id == self.id:
            self.id = secrets.token_hex(8)
            self._hurry.set()
            logger.error(
                "another server took this one for dead, after %g s without a heartbeat, and has taken over "
                "what it was doing: was the process stopped, or its machine overloaded?",
                DEAD_AFTER,
            )

    def leave(self, id: str, key: bytes, kind: bytes) -> None:
        """What Redis has where the journal of `id` should be is none: claim under a new id.

        What was claimed as `id` is this server's to answer all the same.
        """
        if id == self.id:
            self._others[id], self._owners[id] = None, id
            self.id = secrets.token_hex(8)
            self._hurry.set()
            logger.error(
                "Redis's key %s is a %s that no server has made: who else writes to Redis? Delete that key."
                " This server goes on with another one; what it had claimed would be lost if it died now",
                key.decode("utf-8", "replace"), kind.decode("ascii"),
            )  # fmt: skip

    def known_until(self, owner: str) -> int:
        """Until when, by Redis's clock in epoch seconds, its not knowing `owner` means that it has lost all.

        0 for one that it never knew, or that is no more.
        """
        return self._known_until.get(owner, 0)

    def entry(self, journal: str, key: bytes) -> Entry:
        """Where the message of that key is kept."""
        return Entry(self._shard, journal, key.decode("utf-8"), self._owners.get(journal, journal))

    async def recover(self, limit: int, only: Judge | None = None) -> list[Received]:
        """See Layer.recover. Raises LayerUnavailable."""
        self._has_judge = self._has_judge or only is not None
        self._recovering += 1
        try:
            while True:
                arrival = self._arrival
                async with self._handing_out:
                    left = self._unwanted if self._has_judge and only is None else self._waiting
                    first = list(itertools.islice(left, min(limit, RECOVER_BATCH)))
                    if first and (received := await self._hand_out(first, only)):
                        return received
                if not first:
                    await arrival.wait()
        finally:
            self._recovering -= 1

    async def _hand_out(self, waiting: list[tuple[str, bytes]], only: Judge | None) -> list[Received]:
        """Some of what waits, of the first one's journal, read and noted as a further attempt."""
        journal = waiting[0][0]
        batch = [key for id, key in waiting if id == journal]
        journal_key = self._source.journal_key(journal)
        values = await self._values(journal, batch)
        received: list[Received] = []
        entries: list[bytes] = []
        strange: list[bytes] = []
        unwanted: list[bytes] = []
        for key, value in zip(batch, values, strict=True):
            if value is None:
                continue
            try:
                found, again = self._read(journal, key, value)
            except ValueError:
                strange.append(key)
                continue
            if only is not None and not await only(found):
                unwanted.append(key)
                continue
            received.append(found)
            entries += (key, again)
        if entries:
            keys = [self._source.servers_key, journal_key]
            owner = self._owners.get(journal, journal)
            if not await self._connection.run(NOTE, keys, [journal, owner, *entries]):
                received = []  # it is another's by now, which hands it out itself
        if strange:
            await self._connection.command("HDEL", journal_key, *strange)
            self._complain_of_strange(len(strange), journal_key)
        # A heartbeat may have thrown them out meanwhile.
        for key in batch:
            was_there = self._waiting.pop((journal, key), self._unwanted.pop((journal, key), False))
            if key in unwanted and was_there is None:
                self._unwanted[journal, key] = None
        if unwanted:
            self._announce()
        return received

    async def _values(self, journal: str, keys: list[bytes]) -> list[bytes | None]:
        """What a journal has of these. Nothing if somebody has put something else in its place."""
        journal_key = self._source.journal_key(journal)
        try:
            values: list[bytes | None] = await self._connection.command("HMGET", journal_key, *keys)
        except LayerUnavailable as error:
            if not str(error.__cause__).startswith("WRONGTYPE"):
                raise
            logger.error("what %s had is lost: somebody else has written there (%s)", journal_key, error)
            self._forget(journal)
            return [None] * len(keys)
        return values

    def _forget(self, journal: str) -> None:
        """Hand nothing of it out any more."""
        for left in (self._waiting, self._unwanted):
            for entry in [entry for entry in left if entry[0] == journal]:
                del left[entry]

    def _complain_of_strange(self, number: int, journal_key: str) -> None:
        now = trio.current_time()
        if now >= self._complained_at + SAID_AGAIN:
            self._complained_at = now
            logger.error(
                "threw away %d entries of %s that no server has written: who else writes to Redis?",
                number, journal_key,
            )  # fmt: skip

    async def close(self) -> None:
        """Leave. What has not been answered stays for another server. Raises LayerUnavailable."""
        await self.beat(last=True)

    async def _look_after(self, servers: dict[bytes, bytes]) -> None:
        """Take over from those whose heartbeat stands still."""
        now, taken = trio.current_time(), 0
        mine = {self.id, *self._others}
        if strange := [id for id in servers if not _ID.fullmatch(id)]:
            await self._connection.command("HDEL", self._source.servers_key, *strange)
        others = {id.decode("ascii"): value for id, value in servers.items() if id not in strange}
        self._seen = {id: seen for id, seen in self._seen.items() if id in others}
        for id, value in others.items():
            seen = self._seen.get(id)
            if id in mine:
                continue
            if seen is None or seen.value != value:
                self._seen[id] = Seen(value, now)
                continue
            seen.looks += 1
            if seen.looks * BEAT_INTERVAL >= DEAD_AFTER and now - seen.since >= DEAD_AFTER:
                if not self._recovering:
                    continue  # what is taken over would wait here until this server ends
                if taken == TAKEN_AT_ONCE or len(self._others) >= MOST_OTHERS:
                    continue  # the next time, or by another; so many have been invented by somebody
                taken += 1
                await self._take_over(id, value)

    async def _take_over(self, id: str, value: bytes) -> None:
        source = self._source
        keys = [source.servers_key, source.journal_key(id), source.claims_key(id)]
        # Not this server's id: what it began when it had this journal before is no more its own.
        owner = secrets.token_hex(8)
        args: list[Any] = [id, value, owner, source.expiry, source.prefix, LATE_CLAIMS_TTL]
        taken, entries = await self._connection.run(TAKE_OVER, keys, args)
        if not taken:
            return
        self._late[id] = trio.current_time() + LATE_TIME
        logger.log(
            logging.WARNING if entries else logging.INFO,
            "server %s has not been heard of for %g s; took over %d operations", id, DEAD_AFTER, len(entries)
        )
        if not entries:
            return
        self._others[id] = None
        self._owners[id] = owner
        self._waiting.update(((id, entry), None) for entry in entries)
        self._announce()

    def _announce(self) -> None:
        """There is something for who waits in `recover`."""
        self._arrival.set()
        self._arrival = trio.Event()

    def _read(self, journal: str, key: bytes, value: bytes) -> tuple[Received, bytes]:
        """An entry as it is received again, and as it is written for that attempt.

        Raises ValueError for what no server has written.
        """
        kept = _KEPT.fullmatch(value)
        if kept is None or not self._source.is_message_key(key):
            raise ValueError
        begun, attempt, claimed_at, channel, body = kept.groups()
        past = Past(int(attempt) + 1, float(claimed_at), bool(begun))
        entry = self.entry(journal, key)
        found = self._source.codec.decode(
            channel.decode("ascii"), memoryview(body), entry, past, any_age=True
        )
        again = b"%s%d %s %s %s" % (begun, past.attempt, claimed_at, channel, body)
        return found, again
