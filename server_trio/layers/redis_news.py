"""What one server tells all others of the site: a short stream on one shard, of which each reads everything.

It is for what is of use now and lost without harm. Kept is a little, so that a server whose
connection broke for a moment misses nothing.
"""

from __future__ import annotations

import secrets
from typing import Final

import redis
import trio

from ..errors import LayerUnavailable
from .redis_connection import Backoff, RedisConnection
from .redis_source import Source

KEPT: Final = 1000  # news, about
TTL: Final = 60  # seconds after the last
BLOCK_TIME: Final = 5.0  # seconds that Redis waits with its answer
BLOCK_MARGIN: Final = 5.0  # seconds beyond, until silence counts as a dead connection
AT_ONCE: Final = 100  # news read in one answer


class News:
    """This server's end of the stream. One task may read; those who tell share a connection."""

    def __init__(self, source: Source, reading: RedisConnection, telling: RedisConnection) -> None:
        self._key = source.news_key
        self._reading = reading
        self._telling = telling
        self._me = secrets.token_hex(8).encode()
        self._last: bytes | None = None  # the number of the last that was read

    async def tell(self, text: bytes) -> None:
        """Tell the others. Raises LayerUnavailable."""
        add = ("XADD", self._key, "MAXLEN", "~", KEPT, "*", "by", self._me, "text", text)
        for reply in await self._telling.exchange(add, ("EXPIRE", self._key, TTL)):
            if isinstance(reply, redis.RedisError):
                raise LayerUnavailable(f"Redis takes no news: {reply}") from reply

    async def hear(self) -> list[bytes]:
        """What others tell from now on: wait for it, through an outage too."""
        backoff = Backoff()
        while True:
            try:
                if texts := await self._read():
                    return texts
                backoff.reset()
            except LayerUnavailable:
                await trio.sleep(backoff.next())

    async def _read(self) -> list[bytes]:
        if self._last is None:
            newest = await self._reading.command("XREVRANGE", self._key, "+", "-", "COUNT", 1)
            self._last = newest[0][0] if newest else b"0"
        command = (
            "XREAD", "COUNT", AT_ONCE, "BLOCK", int(BLOCK_TIME * 1000), "STREAMS", self._key, self._last,
        )  # fmt: skip
        (reply,) = await self._reading.exchange(command, timeout=BLOCK_TIME + BLOCK_MARGIN)
        if isinstance(reply, redis.RedisError):
            raise LayerUnavailable(f"Redis gives no news: {reply}") from reply
        if not reply:
            return []
        ((_, news),) = reply
        self._last = news[-1][0]
        # By anybody else than a server there may be anything.
        known = [fields for _, fields in news if len(fields) == 4 and fields[::2] == [b"by", b"text"]]
        return [fields[3] for fields in known if fields[1] != self._me]

    def close(self) -> None:
        """Disconnect."""
        self._reading.close()
