"""A channel layer in this process, for tests of code that uses a `Layer`.

    layer = MemoryLayer(capacity=2)
    await layer.send("request.async", {"operation": "REQUEST"})
    [received] = await layer.receive(0, ["request.async"], limit=10)

It passes the contract suite of the real ones: messages go through the same bytes (tuples arrive as
lists, what a layer cannot carry is refused), names, capacities and expiry follow asgiref's rules.
"""

from __future__ import annotations

import contextlib
import random
from collections import deque
from collections.abc import Mapping, Sequence

import trio
from asgiref.base_layer import BaseChannelLayer  # type: ignore[import-untyped]

from ..errors import ChannelFull
from .alone import Alone
from .base import Entry, LayerStatistics, Message, Progress, Received, Receiving
from .names import check_channel, check_group, check_receive
from .redis_codec import Codec


class MemoryLayer(Alone):
    """A `Layer` with one shard. All times in seconds of Trio's clock, so that MockClock expires messages.

    `capacity`: messages a channel holds; `channel_capacity`: other capacities by glob of the name.
    """

    def __init__(
        self,
        *,
        expiry: float = 60,
        group_expiry: float = 86400,
        capacity: int = 100,
        channel_capacity: Mapping[str, int] | None = None,
    ) -> None:
        self._settings = BaseChannelLayer(expiry, group_expiry, capacity, channel_capacity)
        self._codec = Codec()
        self._channels: dict[str, deque[tuple[float, bytes]]] = {}  # name: (time of expiry, payload)
        self._groups: dict[str, dict[str, float]] = {}  # name: channel: time of joining
        self._arrival = trio.Event()
        self._sent = self._received = self._full = 0

    @property
    def shards(self) -> int:
        return 1

    def shard_of(self, channel: str) -> int:
        return 0

    async def send(
        self, channel: str, message: Message, *, entry: Entry | None = None, progress: Progress = Progress.ON
    ) -> None:
        self.send_nowait(channel, message)
        await trio.lowlevel.checkpoint()

    async def receive(
        self, shard: int, channels: Sequence[str], limit: int, *, journal: bool = False
    ) -> list[Received]:
        if shard != 0:
            raise IndexError(f"there is one shard, 0; not {shard}")
        channels = check_receive(channels, limit)
        await trio.lowlevel.checkpoint()  # before anything is taken, not after
        while not (received := self.receive_nowait(channels, limit)):
            await self._arrival.wait()
        return received

    async def group_send(self, group: str, message: Message) -> None:
        check_group(group)
        oldest = trio.current_time() - self._settings.group_expiry
        for channel, joined in list(self._groups.get(group, {}).items()):
            if joined >= oldest:
                with contextlib.suppress(ChannelFull):
                    self.send_nowait(channel, message)
        await trio.lowlevel.checkpoint()

    async def group_add(self, group: str, channel: str) -> None:
        check_group(group)
        check_channel(channel)
        self._groups.setdefault(group, {})[channel] = trio.current_time()
        await trio.lowlevel.checkpoint()

    async def group_discard(self, group: str, channel: str) -> None:
        check_group(group)
        check_channel(channel)
        self._groups.get(group, {}).pop(channel, None)
        await trio.lowlevel.checkpoint()

    def receiving(self) -> list[Receiving]:
        return [Receiving(True, 0.0)]

    def statistics(self) -> LayerStatistics:
        return LayerStatistics(
            sent=self._sent, received=self._received, full=self._full,
            round_trips=self._sent + self._full + self._received, reconnects=0, connected=True,
        )  # fmt: skip

    # --- for tests -------------------------------------------------------------------------------

    def send_nowait(self, channel: str, message: Message) -> None:
        """As `send`, where nothing can be awaited."""
        check_channel(channel)
        name, payload = self._codec.encode(channel, message)
        if self.pending(name) >= self._settings.get_capacity(name):
            self._full += 1
            raise ChannelFull(f"channel {name!r} is full ({self._settings.get_capacity(name)} messages)")
        self.put_payload(name, payload)
        self._sent += 1

    def receive_nowait(self, channels: Sequence[str], limit: int) -> list[Received]:
        """What is there, at most `limit` messages."""
        received: list[Received] = []
        # In random order, as asgi_redis does it, so that a busy channel does not starve the others.
        for channel in random.sample(channels, len(channels)):
            self._expire(channel)
            queue = self._channels.get(channel, deque())
            while queue and len(received) < limit:
                received.append(self._codec.decode(channel, memoryview(queue.popleft()[1])))
        self._received += len(received)
        return received

    def put_payload(self, name: str, payload: bytes) -> None:
        """Lay any bytes on a channel (its name cut after a `!`), as a broken client might."""
        expiry = trio.current_time() + self._settings.expiry
        self._channels.setdefault(name, deque()).append((expiry, payload))
        self._arrival.set()
        self._arrival = trio.Event()

    def pending(self, name: str) -> int:
        """How many messages wait on a channel (its name cut after a `!`)."""
        self._expire(name)
        return len(self._channels.get(name, ()))

    def _expire(self, name: str) -> None:
        queue = self._channels.get(name)
        while queue and queue[0][0] <= trio.current_time():
            queue.popleft()
        if queue is not None and not queue:
            del self._channels[name]
