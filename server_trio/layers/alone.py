"""What layers have in common that know no journal and no other servers."""

from __future__ import annotations

import trio

from .base import DeadLetter, Entry, Judge, Message, Queue, Received, Survey


class Alone:
    """A base class: nothing is kept beyond the life of the server, and nobody else hears it."""

    async def recover(self, shard: int, limit: int, only: Judge | None = None) -> list[Received]:
        await trio.sleep_forever()
        raise AssertionError

    async def release(self, entry: Entry) -> None:
        """There is no journal."""

    async def bury(self, entry: Entry, reason: str) -> None:
        """There is no journal."""

    async def dead_letters(self) -> list[DeadLetter]:
        """There is no journal."""
        return []

    async def drop_dead_letter(self, id: str) -> bool:
        """There is no journal."""
        return False

    async def tell(self, text: bytes) -> None:
        """There are no others."""

    async def publish(self, report: Message) -> None:
        """Nobody could ask for it."""

    async def reports(self) -> list[Message]:
        """There are no others."""
        return []

    async def queue(self, channel: str) -> Queue | None:
        """It cannot be known."""
        return None

    async def survey(self, channel: str) -> Survey:
        """There is no Redis."""
        return Survey()

    async def hear(self) -> list[bytes]:
        await trio.sleep_forever()
        raise AssertionError
