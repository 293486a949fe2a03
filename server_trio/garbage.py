"""How often Python looks for cycles: seldom, for operations leave none behind."""

from __future__ import annotations

import gc
from typing import Final

#: Objects more than before at which the young ones are looked at, and how often that is done until the older
#: ones are, too. Python's own 700 and 10 fit programs that make little; here each operation has dozens while
#: it waits, and thousands may come and go together. Until then projects' functions leave megabytes.
THRESHOLDS: Final = (100_000, 20, 20)


def collect_seldom() -> None:
    """Set the collector up for a server, when all is loaded, which is then never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
