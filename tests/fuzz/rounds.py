"""Rounds of new examples until a time is over: CHANNELS_ASYNC_FUZZ_SECONDS for each target (default 8)."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

SECONDS = float(os.environ.get("CHANNELS_ASYNC_FUZZ_SECONDS", "8"))
EXAMPLES = 300  # in a round


def damaged(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """The bytes with a piece of them replaced, for each of the edits (place, length, what instead)."""
    for place, length, piece in edits:
        at = place % (len(data) + 1)
        data = data[:at] + piece + data[at + length :]
    return data


#: For `damaged`: a few, small, anywhere.
few_edits = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 4), st.binary(max_size=4)), max_size=4)


def fuzz(check: Callable[..., None], **strategies: SearchStrategy[Any]) -> None:
    """Call `check` with one example after another. A failure is shown with its smallest example."""
    limits = settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    end = time.monotonic() + SECONDS
    while True:
        number = random.getrandbits(32)
        try:
            seed(number)(limits(given(**strategies)(check)))()
        except BaseException:
            print(f"the round with the seed {number} has failed")
            raise
        if time.monotonic() >= end:
            return
