"""What the server asks of a channel layer. All implementations pass tests/layers' contract suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

#: A message as channel layers carry it: text keys; bytes, text, numbers, bools, None, lists and dicts.
Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Received:
    """One message taken from a channel, or what could not be read as one.

    `channel` is the name that was asked for (or the full name for `!` channels). `content` is
    whatever lay there once unpacked: usually a dict, but anything may lie on a channel.
    `fault` is None, or the reason why the bytes could not be unpacked; `content` is then None.
    """

    channel: str
    content: Any
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class LayerStatistics:
    """A snapshot of a layer's counters since it was opened."""

    sent: int  # messages
    received: int  # messages
    full: int  # sends refused because the channel was full
    round_trips: int  # batches exchanged with the backend, all shards together
    reconnects: int
    connected: bool  # every shard answered at its last use


class Layer(Protocol):
    """An ASGI 1.x channel layer as Trio code uses it.

    Every method may raise `LayerUnavailable`. Every method may be cancelled: a cancelled
    `receive` loses no message (the next `receive`, here or in another process, gets it), and a
    `send` that ends with `trio.Cancelled` has not sent.
    """

    @property
    def shards(self) -> int:
        """How many independent backends hold the channels; receivers run one loop for each."""
        ...

    async def send(self, channel: str, message: Message) -> None:
        """Put `message` on `channel`, once. Sends of one moment share a round trip.

        Raises `ChannelFull`, `MessageRefused`, and `SendUnknown` where it cannot be found out whether
        the message was sent; after any other exception it was not. A cancelled send has not been
        sent: one whose message had left when the cancellation came waits a few seconds for what
        became of it, and returns as usual if it was sent (the cancellation comes at the caller's next
        checkpoint). If that time does not suffice it raises `SendUnknown`.
        """
        ...

    async def receive(self, shard: int, channels: Sequence[str], limit: int) -> list[Received]:
        """Wait until there is a message on one of `channels` of this shard; take at most `limit` (>= 1).

        Returns at least one message, oldest first. Does not poll: idle, it blocks in the backend.
        """
        ...

    async def group_send(self, group: str, message: Message) -> None:
        """Send to every channel of the group; full channels are skipped, as in ASGI 1.x.

        Cancelled or failed, it may have sent to some.
        """
        ...

    async def group_add(self, group: str, channel: str) -> None:
        """Make `channel` a member of the group, or renew its membership, for `group_expiry` seconds.

        Doing it again does no harm, so a caller may repeat one that failed or was cancelled. Raises
        MessageRefused for bad names, and where the layer has no groups.
        """
        ...

    async def group_discard(self, group: str, channel: str) -> None:
        """Take `channel` out of the group, if it is in it. Raises as `group_add`; may be repeated."""
        ...

    def statistics(self) -> LayerStatistics:
        """Counters since the layer was opened."""
        ...
