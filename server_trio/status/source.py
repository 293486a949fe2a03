"""Where the status server has its reports from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Report = Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """`own`: the reports of this server's processes, of one or of the children of --processes. `site`: those
    of all servers of the site; it may raise a ServerTrioError and take its time.
    """

    own: Callable[[], Sequence[Report]]
    site: Callable[[], Awaitable[Sequence[Report]]]
