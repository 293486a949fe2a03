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
import math
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


#: One that has gone, or wants no answers: its reply channel, and until when (epoch seconds) it has asked for
#: what is to be cancelled. daphne tells of connections that are no more: FOR_EVER.
Left = tuple[str, float]
FOR_EVER: Final = math.inf


class Gone:
    """Reply channels of browsers that have gone and whose operation nobody here had then."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def has_left(self, channel: object, sent_at: float | None) -> bool:
        """Whether the one who asked for something at `sent_at` (epoch seconds, None: not known) is gone."""
        found = self._times.get(channel) if isinstance(channel, str) else None
        if found is None:
            return False
        since, until = found
        return since > trio.current_time() - MEMORY and (sent_at is None or sent_at <= until)

    def add(self, channel: str, until: float = FOR_EVER) -> None:
        self._times.pop(channel, None)
        self._times[channel] = trio.current_time(), until
        while len(self._times) > REMEMBERED:
            self._times.popitem(last=False)


class Disconnects:
    """Follows the browsers that leave.

    `cancel` stops the operations that answer to a reply channel and were asked for until then, and says
    whether there were any.
    """

    def __init__(self, cancel: Callable[[str, float], bool]) -> None:
        self._cancel = cancel
        self.gone = Gone()

    async def watch(self, layer: Layer, shard: int, channel: str) -> None:
        """Read the disconnects that come by one channel of one shard, for ever."""
        while True:
            try:
                batch = await layer.receive(shard, [channel], BATCH)
                left = _left(received.content for received in batch)
                news = self._leave(left)
                for kind, told in ((NEWS, news), (MORE, sorted(set(left) - set(news)))):
                    if told:
                        await layer.tell(kind + _lines(told))
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
                kind, left = text[: len(NEWS)], _of_lines(text[len(NEWS) :])
                if kind == NEWS:
                    self._leave(left)
                elif kind == MORE:
                    for channel, until in left:
                        self._cancel(channel, until)

    def _leave(self, left: Iterable[Left]) -> list[Left]:
        """Cancel what is here; return what others may have yet, here or in the queue."""
        news = []
        for channel, until in left:
            # Who still has a connection may have more in the queue than runs here, and may ask for more.
            if not self._cancel(channel, until) or until < FOR_EVER:
                self.gone.add(channel, until)
                news.append((channel, until))
        return news


def _left(contents: Iterable[Any]) -> list[Left]:
    """Those of whom messages tell: daphne's (reply_channel, path), or client.cancel's (with sent_at)."""
    left = []
    for content in contents:
        name = content.get("reply_channel") if isinstance(content, dict) else None
        text = name.decode("latin-1") if isinstance(name, bytes) else name
        if isinstance(text, str) and check_channel_name(text):
            until = content.get("sent_at")
            left.append((text, float(until) if isinstance(until, int | float) else FOR_EVER))
    return left


def _lines(left: Iterable[Left]) -> bytes:
    """`name` or `name seconds`, a line each."""
    lines = [channel if until == FOR_EVER else f"{channel} {until!r}" for channel, until in left]
    return "\n".join(lines).encode("ascii")


def _of_lines(text: bytes) -> list[Left]:
    """Anybody may have written it; what is no number is for ever."""
    left = []
    for line in text.decode("ascii", "replace").split("\n"):
        channel, _, until = line.partition(" ")
        try:
            left.append((channel, float(until) if until else FOR_EVER))
        except ValueError:
            left.append((channel, FOR_EVER))
    return left
