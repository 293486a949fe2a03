"""Reply channels that nobody seems to read: a daphne that has died, or hangs.

All browsers of one daphne have one channel (DESIGN: what follows the `!` names one of them). Where an answer
has waited in vain for room on it, those that follow soon and say only that nothing was done need not hold
their places as long.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import trio

#: Seconds for which it is remembered, and of how many channels.
MEMORY: Final = 10.0
REMEMBERED: Final = 1000


class Unread:
    """Which channels have lost an answer lately for want of room."""

    def __init__(self) -> None:
        self._since: OrderedDict[str, float] = OrderedDict()

    def note(self, channel: str) -> None:
        """An answer to `channel` has found no room in all its time."""
        name = channel.partition("!")[0]
        self._since.pop(name, None)
        self._since[name] = trio.current_time()
        while len(self._since) > REMEMBERED:
            self._since.popitem(last=False)

    def __contains__(self, channel: object) -> bool:
        since = self._since.get(channel.partition("!")[0]) if isinstance(channel, str) else None
        return since is not None and since > trio.current_time() - MEMORY
