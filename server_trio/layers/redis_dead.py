"""Dead letters of one shard: operations that have been given up, kept for people to look at."""

from __future__ import annotations

import logging
import re
import time
from typing import Final

from .base import DeadLetter, Entry
from .redis_connection import RedisConnection
from .redis_journal_scripts import BURY, DROP
from .redis_source import Source

logger = logging.getLogger("server_trio.layers")

KEPT: Final = 1000  # of each shard; the oldest go first
TTL: Final = 7 * 86400  # seconds after the last one

REASON_LENGTH: Final = 300  # bytes; another hand may have written more

_LETTER: Final = re.compile(
    rb"([0-9A-Za-z]{1,64}) ([0-9]{1,12}\.[0-9]{1,20}) ([^ ]*) S?([0-9]{1,9}) ([0-9]{1,12}\.[0-9]{1,20}) "
    rb"([!-~]{1,200}) (.*)",
    re.DOTALL,
)


class DeadLetters:
    """Operations that this shard's servers have given up."""

    def __init__(self, source: Source, shard: int, connection: RedisConnection) -> None:
        self._source = source
        self._shard = shard
        self._connection = connection

    async def bury(self, entry: Entry, reason: str) -> None:
        """Move an operation out of the journal, unless it is another's by now. Raises LayerUnavailable."""
        keys = [self._source.journal_key(entry.journal), self._source.dead_key, self._source.servers_key]
        head = f"{entry.key.removeprefix(self._source.prefix)} {time.time():.3f} {reason.replace(' ', '_')} "
        args = [entry.key, head, KEPT, TTL, entry.journal, entry.owner]
        await self._connection.run(BURY, keys, args)

    async def all(self) -> list[DeadLetter]:
        """What there is, the newest first. Raises LayerUnavailable."""
        values = await self._connection.command("LRANGE", self._source.dead_key, 0, KEPT - 1)
        letters = [_LETTER.fullmatch(value) for value in values]
        if strange := letters.count(None):
            logger.warning("%s holds %d letters that no server has written", self._source.dead_key, strange)
        return [self._read(letter) for letter in letters if letter is not None]

    async def drop(self, id: str) -> bool:
        """Take one away; whether it was there. Raises LayerUnavailable."""
        return bool(await self._connection.run(DROP, [self._source.dead_key], [id]))

    def _read(self, letter: re.Match[bytes]) -> DeadLetter:
        id, died_at, reason, attempts, claimed_at, channel, body = letter.groups()
        found = self._source.codec.decode(channel.decode("ascii"), memoryview(body), any_age=True)
        return DeadLetter(
            id=id.decode("ascii"),
            died_at=float(died_at),
            reason=reason[:REASON_LENGTH].decode("utf-8", "replace").replace("_", " "),
            attempts=int(attempts),
            claimed_at=float(claimed_at),
            received=found,
        )
