"""What the server asks of a channel layer. All implementations pass tests/layers' contract suite."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

from channels_async.redis_rules import ShardFacts

#: A message as channel layers carry it: text keys; bytes, text, numbers, bools, None, lists and dicts.
Message = Mapping[str, Any]


class Entry(NamedTuple):
    """Where the journal has a message: the shard, whose journal, and the key in it.

    `owner` is who had the journal when the message was handed out. It changes with each taking over, so that
    what was handed out before can be told from what was handed out after, in one and the same process too.
    """

    shard: int
    journal: str
    key: str
    owner: str = ""


class Progress(enum.Enum):
    """What a message means for the operation whose answer it is a part of."""

    BEGUN = "b"  # the answer begins with it, and goes on
    ON = "o"
    DONE = "d"  # it ends the answer


@dataclass(frozen=True, slots=True)
class Past:
    """What happened to a message on a server that has died."""

    attempt: int  # the number of the next one, 2 at least
    claimed_at: float  # epoch seconds, by Redis's clock
    begun: bool  # a part of the answer has been sent


class Received(NamedTuple):
    """One message taken from a channel, or what could not be read as one.

    `channel` is the name that was asked for (or the full name for `!` channels). `content` is
    whatever lay there once unpacked: usually a dict, but anything may lie on a channel.
    `fault` is None, or the reason why the bytes could not be unpacked; `content` is then None.
    `entry` is where it is kept until it has been answered, if it is. `past` is set on messages that
    another server had taken.
    """

    channel: str
    content: Any
    fault: str | None = None
    entry: Entry | None = None
    past: Past | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An operation that has been given up. Times in epoch seconds.

    `id` is the letter's own, not the operation's. `attempts` counts claims: the last of them gave it up.
    """

    id: str
    died_at: float
    reason: str
    attempts: int
    claimed_at: float
    received: Received


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits on one channel, all shards together."""

    length: int  # messages
    oldest_age: float  # seconds that the oldest has waited, 0 where nothing waits


@dataclass(frozen=True, slots=True)
class Receiving:
    """How receiving goes on one shard."""

    connected: bool  # it answered at its last use
    still: float  # seconds for which a receive under way has not moved; idle, it moves every few seconds


@dataclass(frozen=True, slots=True)
class Survey:
    """What the backends of a layer are like: those that can be reached, and the addresses of the others."""

    facts: Sequence[ShardFacts] = ()
    away: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class LayerStatistics:
    """A snapshot of a layer's counters since it was opened."""

    sent: int  # messages
    received: int  # messages
    full: int  # sends refused because the channel was full
    round_trips: int  # batches exchanged with the backend, all shards together
    reconnects: int
    connected: bool  # every shard answered at its last use


#: Says of a message that is taken over whether it is wanted.
Judge: TypeAlias = Callable[[Received], Awaitable[bool]]


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

    def shard_of(self, channel: str) -> int:
        """The shard that a process-local or single-reader channel (`!`, `?`) is on, to receive from it."""
        ...

    async def send(
        self, channel: str, message: Message, *, entry: Entry | None = None, progress: Progress = Progress.ON
    ) -> None:
        """Put `message` on `channel`, once. Sends of one moment share a round trip.

        `entry` is that of the operation which it answers, `progress` what it means there: with DONE the
        journal forgets the operation, at the same moment. Raises TakenOver where another server has
        taken the operation over; the message was not sent.

        Raises `ChannelFull`, `MessageRefused`, and `SendUnknown` where it cannot be found out whether
        the message was sent; after any other exception it was not. A cancelled send has not been
        sent: one whose message had left when the cancellation came waits a few seconds for what
        became of it, and returns as usual if it was sent (the cancellation comes at the caller's next
        checkpoint). If that time does not suffice it raises `SendUnknown`.
        """
        ...

    async def receive(
        self, shard: int, channels: Sequence[str], limit: int, *, journal: bool = False
    ) -> list[Received]:
        """Wait until there is a message on one of `channels` of this shard; take at most `limit` (>= 1).

        Returns at least one message, oldest first. Does not poll: idle, it blocks in the backend.
        With `journal` the messages have an `entry`, where the layer has a journal: should this server
        die, another one gets them by `recover`, until they are answered or released.
        """
        ...

    async def recover(self, shard: int, limit: int, only: Judge | None = None) -> list[Received]:
        """Wait until a server has died that used this shard; take over at most `limit` of its messages.

        Of several servers that wait one gets them. Without a journal it waits for ever. With `only` come
        those for which it is true; the others are left for a `recover` without, and asked about no more.
        """
        ...

    async def release(self, entry: Entry) -> None:
        """Have the journal forget an operation that needs, or gets, no (further) answer."""
        ...

    async def bury(self, entry: Entry, reason: str) -> None:
        """Move an operation from the journal to the dead letters."""
        ...

    async def dead_letters(self) -> list[DeadLetter]:
        """All there are, the newest first. None where there is no journal."""
        ...

    async def drop_dead_letter(self, id: str) -> bool:
        """Take one away; whether it was there."""
        ...

    async def tell(self, text: bytes) -> None:
        """Tell all other servers of the site something that is of use now, and lost without harm."""
        ...

    async def hear(self) -> list[bytes]:
        """Wait for what other servers tell. Waits for ever where there can be no others."""
        ...

    async def publish(self, report: Message) -> None:
        """Leave a report of this server for whoever asks, in place of its last one, for some seconds."""
        ...

    async def reports(self) -> list[Message]:
        """The reports of all servers of the site, as far as shards can be reached. None without Redis."""
        ...

    async def queue(self, channel: str) -> Queue | None:
        """What waits on a channel, on the shards that can be reached now. None where it cannot be known."""
        ...

    async def survey(self, channel: str) -> Survey:
        """What the backends are like, for who looks for traps; nothing where they are no Redis.

        `channel` is that of the operations.
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

    def receiving(self) -> list[Receiving]:
        """How receiving goes, shard by shard."""
        ...

    def statistics(self) -> LayerStatistics:
        """Counters since the layer was opened."""
        ...
