"""A send that waits while its channel is full or the layer is away."""

from __future__ import annotations

import random
from typing import Final

import trio

from ..errors import ChannelFull, LayerUnavailable
from .base import Layer, Message

#: Seconds before the first retry of a send that found the channel full or the layer away, and at the most.
FIRST_RETRY: Final = 0.005
LONGEST_RETRY: Final = 0.25


async def send_patiently(layer: Layer, channel: str, message: Message) -> None:
    """Put one message on the channel, however long that takes; the caller's cancel scope bounds it.

    Raises MessageRefused, and SendUnknown where nobody can say whether it was sent.
    """
    delay = FIRST_RETRY
    while True:
        try:
            await layer.send(channel, message)
            return
        except (ChannelFull, LayerUnavailable):
            # Jitter, so that those who wait for the same reader do not return together.
            await trio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            delay = min(delay * 2, LONGEST_RETRY)
