"""How often Python looks for cycles: seldom, for operations leave none behind."""

from __future__ import annotations

import gc
from typing import Final

#: Objects more than before at which the young ones are looked at, and how often that is done until the older
#: ones are, too. Python's own 700 and 10 fit programs that make little; here each operation has dozens while
#: it waits, and thousands may come and go together. Until then projects' functions leave megabytes.
THRESHOLDS: Final = (100_000, 20, 20)

#: Objects of an operation that waits for its upstream, which the collector counts among those.
OF_ONE: Final = 100


def collect_seldom() -> None:
    """Set the collector up for a server, when all is loaded, which is then never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


class Allowance:
    """Has the collector expect what operations in flight are made of.

    Ten thousand are a million objects, none of them garbage. To look at these takes a good part of a second
    in which nothing else happens, and without this it would be done every few thousand operations.

    Does nothing where `collect_seldom` has not been called, or somebody else has had his own way since.
    """

    __slots__ = ("_least", "_most")

    def __init__(self) -> None:
        self._least = self._most = 0  # operations that it has been told of lately

    def note(self, in_flight: int) -> None:
        """How many there are now."""
        if not self._least <= in_flight <= self._most:
            self._least, self._most = in_flight // 4, in_flight * 2
            if gc.get_threshold()[1:] == THRESHOLDS[1:]:
                gc.set_threshold(THRESHOLDS[0] + self._most * OF_ONE, *THRESHOLDS[1:])
