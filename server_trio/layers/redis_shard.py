"""One Redis of a layer: its connections, and what is done with each."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence

import trio

from channels_async.redis_rules import ShardFacts

from ..errors import LayerUnavailable
from .redis_claim import Claimer
from .redis_connection import Backoff, RedisConnection, ShardHealth, SharedConnection
from .redis_dead import DeadLetters
from .redis_endpoint import Endpoint
from .redis_journal import ShardJournal
from .redis_loop import AsyncioLoop
from .redis_news import News
from .redis_receive import Receiver
from .redis_reports import Reports
from .redis_send import Sender
from .redis_source import Source
from .redis_survey import survey, version_of

logger = logging.getLogger("server_trio.layers")

BLMOVE_VERSION = (6, 2)
CLIENT_UNBLOCK_VERSION = (5, 0)


class Shard:
    """One Redis: a connection to send, one for rare commands, one for each task that receives."""

    def __init__(
        self,
        source: Source,
        number: int,
        endpoint: Endpoint,
        loop: AsyncioLoop,
        nursery: trio.Nursery,
        visiting: bool,
    ) -> None:
        self._visiting = visiting  # then it is no server, and must not look like one
        self._source = source
        self._endpoint = endpoint
        self._loop = loop
        self._version: tuple[int, ...] = (0,)
        self.opened = trio.Event()  # it has been reached once
        self.health = ShardHealth(endpoint.label)
        self.control = SharedConnection(loop, endpoint, self.health)
        self._sending = RedisConnection(loop, endpoint, self.health)
        self.journal = ShardJournal(source, number, self.control)
        self.dead = DeadLetters(source, number, self.control)
        self.reports = Reports(source, self.control, lambda: self.journal.id)
        self.news = News(source, RedisConnection(loop, endpoint, self.health), self.control)
        self.sender = Sender(source, self._sending, self.journal.known_until)
        self.receiver = Receiver(nursery, self._new_claimer)

    async def open(self) -> None:
        """Connect once, to know that it is there and what it can do. Raises LayerUnavailable."""
        info = await self.control.command("INFO", "server")
        self._version = version_of(info)
        if self._version < BLMOVE_VERSION:
            logger.warning(
                "Redis at %s is version %s: before 6.2 a message can be lost when a connection breaks "
                "at the moment of its delivery",
                self._endpoint.label, ".".join(map(str, self._version)),
            )  # fmt: skip
        if not self._visiting:
            await self.journal.beat()
        self.opened.set()

    async def open_later(self) -> None:
        """Connect for the first time, as soon as it is there."""
        backoff = Backoff()
        while not self.opened.is_set():
            await trio.sleep(backoff.next())
            with contextlib.suppress(LayerUnavailable):
                await self.open()

    async def survey(self, channel: str) -> ShardFacts:
        """What this Redis is like. Raises LayerUnavailable."""
        return await survey(self._source, self.control, self.reports, self.health.label, channel)

    async def close(self) -> None:
        """Give back what nobody has, and disconnect. The caller bounds the time."""
        await self.receiver.close()
        with contextlib.suppress(LayerUnavailable):  # then what there is expires
            if not self._visiting:
                await self.reports.withdraw()
                await self.journal.close()
        self._sending.close()
        self.news.close()
        self.control.close()

    def _new_claimer(self, channels: Sequence[str], journal: bool) -> Claimer:
        return Claimer(
            self._source, channels, lambda: RedisConnection(self._loop, self._endpoint, self.health),
            self.control, self.journal, keep=journal, can_move=self._version >= BLMOVE_VERSION,
            can_unblock=self._version >= CLIENT_UNBLOCK_VERSION,
        )  # fmt: skip
