"""Consumers that the server runs in its event loop."""

from __future__ import annotations

from typing import Any


async def notify(message: Any) -> None:
    """Tells everybody who has a WebSocket open."""
