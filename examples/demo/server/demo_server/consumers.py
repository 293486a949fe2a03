"""Consumers that the server runs in its event loop. Python 3, unlike the site."""

from __future__ import annotations

from server_trio.consumers import AsyncMessage, Group


async def notify(message: AsyncMessage) -> None:
    """Tells everybody who has a WebSocket open."""
    await Group("demo.sockets").send({"text": message["text"]})
