"""The last stage: a message keeps a task for as long as it takes, and there may be thousands. Python 3."""

from __future__ import annotations

from bakery.notifying import address

from server_trio.consumers import AsyncMessage


async def notify(message: AsyncMessage) -> None:
    async with message.http.stream("GET", address(message["who"], message["order"])) as response:
        await response.read()
