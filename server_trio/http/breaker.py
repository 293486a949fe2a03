"""A circuit breaker for each origin: an upstream that fails again and again is left alone for a while.

    closed     requests go out; so many failures in a row, and it opens
    open       requests are refused at once; when the time is over, the next one is let out as a probe
    half-open  the probe is out, others are refused; its success closes the circuit, its failure opens it

What counts as a failure: no connection, no whole head of an answer before the connection ended or the
deadline came, and the answers 502, 503 and 504. Any other answer is a success, whatever it says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import trio

from .. import errors
from .url import Origin

#: Answers of gateways whose upstream is not there.
FAILED_STATUSES: Final = frozenset((502, 503, 504))

#: Origins that are remembered for having failed; of more, the one that failed first is forgotten.
MOST_CIRCUITS: Final = 1000


@dataclass
class _Circuit:
    """An origin whose last request failed."""

    failures: int = 0  # in a row
    open_until: float | None = None  # trio time; None: closed
    probing: bool = False


class Breaker:
    """The circuits of all origins. `failures`: in a row that open one, 0 for never; `open_for`: seconds."""

    def __init__(self, failures: int, open_for: float) -> None:
        self._failures = failures
        self._open_for = open_for
        self._circuits: dict[Origin, _Circuit] = {}

    def states(self) -> dict[Origin, str]:
        """The circuits that are not closed: "open" or "half-open"."""
        return {
            origin: "half-open" if circuit.probing else "open"
            for origin, circuit in self._circuits.items()
            if circuit.open_until is not None
        }

    def admit(self, origin: Origin) -> bool:
        """Let one request out, which `settle` must follow; whether it is a probe.

        Raises errors.CircuitOpen where the origin is left alone.
        """
        circuit = self._circuits.get(origin)
        if circuit is None or circuit.open_until is None:
            return False
        left = circuit.open_until - trio.current_time()
        if left <= 0 and not circuit.probing:
            circuit.probing = True
            return True
        refused = errors.CircuitOpen(
            f"{origin.netloc}: it has failed {circuit.failures} times in a row and is left alone for a while"
        )
        refused.retry_after = max(left, 1.0)
        raise refused

    def settle(self, origin: Origin, failed: bool | None, probe: bool) -> None:
        """What became of a request that was let out. `failed`: None where that says nothing of the origin."""
        if self._failures == 0:
            return
        circuit = self._circuits.get(origin)
        if circuit is not None and probe:
            circuit.probing = False
        if failed is None:
            return
        if not failed:
            self._circuits.pop(origin, None)
            return
        if circuit is None:
            if len(self._circuits) >= MOST_CIRCUITS:
                del self._circuits[next(iter(self._circuits))]
            circuit = self._circuits[origin] = _Circuit()
        circuit.failures += 1
        # Requests that were out already when it opened do not put the probe off.
        if probe or (circuit.open_until is None and circuit.failures >= self._failures):
            circuit.open_until = trio.current_time() + self._open_for
