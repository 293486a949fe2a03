"""Channel and Group as channels has them (channels/channel.py), for code that awaits."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from ..layers.base import Layer
from ..layers.patience import send_patiently

#: The layer of the server whose task this is. Tasks that a consumer starts have it too.
served_layer: ContextVar[Layer] = ContextVar("served_layer")


class Channel:
    """A channel by its name, on the layer that the server serves."""

    def __init__(self, name: str | bytes) -> None:
        self.name = name.decode("ascii") if isinstance(name, bytes) else name

    async def send(self, content: Mapping[str, Any], immediately: bool = False) -> None:
        """Put a message on the channel, once and now; nothing is kept until the consumer ends.

        While the channel is full this waits, as long as the consumer may run; with `immediately` it
        raises ChannelFull. Raises TypeError for what is no dict, MessageRefused for values that no
        layer carries, SendUnknown where it cannot be found out whether it was sent; `immediately`
        also LayerUnavailable.
        """
        if not isinstance(content, dict):
            raise TypeError("You can only send dicts as content on channels.")
        if immediately:
            await _layer().send(self.name, content)
        else:
            await send_patiently(_layer(), self.name, content)

    def __str__(self) -> str:
        return self.name


class Group:
    """A group of channels by its name. Members expire, as in channels: add them again to keep them."""

    def __init__(self, name: str | bytes) -> None:
        self.name = name.decode("ascii") if isinstance(name, bytes) else name

    async def add(self, channel: Channel | str) -> None:
        """Make a channel a member. Raises MessageRefused for a bad name, LayerUnavailable."""
        await _layer().group_add(self.name, _name(channel))

    async def discard(self, channel: Channel | str) -> None:
        """Take a channel out. Raises as `add`."""
        await _layer().group_discard(self.name, _name(channel))

    async def send(self, content: Mapping[str, Any]) -> None:
        """Send to every member whose channel is not full; the full ones are passed over, as in channels.

        Raises TypeError for what is no dict, and LayerError if members could not be reached; others
        may have got it then.
        """
        if not isinstance(content, dict):
            raise TypeError("You can only send dicts as content on channels.")
        await _layer().group_send(self.name, content)

    def __str__(self) -> str:
        return self.name


def _name(channel: Any) -> str:
    """Of a Channel, channels' own included, or of a text."""
    name = getattr(channel, "name", channel)
    return str(name)


def _layer() -> Layer:
    layer = served_layer.get(None)
    if layer is None:
        raise RuntimeError(
            "Channel and Group of server_trio.consumers work in what the server runs: async def consumers and"
            " the tasks they start. Elsewhere take those of channels"
        )
    return layer
