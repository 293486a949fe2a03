"""Browsers that have gone: their operations are cancelled, wherever they run or wait.

daphne puts a message on http.disconnect at the end of every request, answered or not
(daphne/http_protocol.py:218-236), and any server of the site may get it. So each looks among its own
operations, and tells the others: of those it does not have in one message for many, and of those it has
in another, since a WebSocket's operations run on any of the servers. A browser can also have gone while
its operation still waits in the queue; names that nobody here knew are remembered for a while.

A site that consumes these messages itself passes them on by client.cancel, to a channel of ours. Each
server hears what the others have read, also one that is told to read nothing of daphne's.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Final

import trio

from channels_async.wire import check_channel_name

from .errors import LayerUnavailable
from .layers.base import Layer

logger = logging.getLogger(__name__)

#: Messages taken at once; the whole site's traffic comes by.
BATCH: Final = 500

#: Seconds between two looks, so that a moment's messages come together; it is a part of the time that a
#: cancellation takes. daphne's channel holds 100 unless told, and throws away what finds no room: where
#: a look found much, the next comes at once.
PAUSE: Final = 0.05
MUCH: Final = 25  # messages

#: How many names of browsers that have gone are remembered, and for how long (seconds).
REMEMBERED: Final = 20_000
MEMORY: Final = 60.0

#: What begins the texts by which servers tell each other.
NEWS: Final = b"gone "

#: The same of browsers whose operations the teller has cancelled: nothing new of theirs is refused.
MORE: Final = b"also "

#: Seconds before a layer that cannot be reached is asked again.
RETRY: Final = 1.0


class Gone:
    """Reply channels of browsers that have gone and whose operation nobody here had then."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, float] = OrderedDict()

    def __contains__(self, channel: object) -> bool:
        time = self._times.get(channel) if isinstance(channel, str) else None
        return time is not None and time > trio.current_time() - MEMORY

    def add(self, channel: str) -> None:
        self._times.pop(channel, None)
        self._times[channel] = trio.current_time()
        while len(self._times) > REMEMBERED:
            self._times.popitem(last=False)


class Disconnects:
    """Follows the browsers that leave.

    `cancel` stops the operations that answer to a reply channel, and says whether there were any.
    """

    def __init__(self, cancel: Callable[[str], bool]) -> None:
        self._cancel = cancel
        self.gone = Gone()

    async def watch(self, layer: Layer, shard: int, channel: str) -> None:
        """Read the disconnects that come by one channel of one shard, for ever."""
        while True:
            try:
                batch = await layer.receive(shard, [channel], BATCH)
                names = _reply_channels(received.content for received in batch)
                unknown = self._leave(names)
                known = set(names) - set(unknown)
                for kind, told in ((NEWS, unknown), (MORE, sorted(known))):
                    if told:
                        await layer.tell(kind + "\n".join(told).encode("ascii"))
            except LayerUnavailable as error:
                logger.debug("disconnects cannot be followed at the moment: %s", error)
                await trio.sleep(RETRY)
                continue
            if len(batch) < MUCH:
                await trio.sleep(PAUSE)

    async def hear(self, layer: Layer) -> None:
        """Take from the other servers, for ever, what they have read and do not know."""
        while True:
            try:
                texts = await layer.hear()
            except LayerUnavailable:
                await trio.sleep(RETRY)
                continue
            for text in texts:
                kind, names = text[: len(NEWS)], text[len(NEWS) :].decode("ascii", "replace").split("\n")
                if kind == NEWS:
                    self._leave(names)
                elif kind == MORE:
                    for name in names:
                        self._cancel(name)

    def _leave(self, channels: Iterable[str]) -> list[str]:
        """Cancel what is here; those that are not."""
        unknown = [channel for channel in channels if not self._cancel(channel)]
        for channel in unknown:
            self.gone.add(channel)
        return unknown


def _reply_channels(contents: Iterable[Any]) -> list[str]:
    names = []
    for content in contents:
        name = content.get("reply_channel") if isinstance(content, dict) else None
        text = name.decode("latin-1") if isinstance(name, bytes) else name
        if isinstance(text, str) and check_channel_name(text):
            names.append(text)
    return names
