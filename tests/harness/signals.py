"""The signals that end a program of ours which has started others: Ctrl-C, `kill`, the terminal closed."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

from .processes import living

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def on_ending_signal(handle: Callable[[int], None]) -> None:
    """Have the first of them call `handle` with its number; those after it are ignored.

    SIGHUP stays ignored where it is: that is how nohup starts a program.
    """

    def first(number: int, _: object) -> None:
        for each in ENDING:
            signal.signal(each, signal.SIG_IGN)
        handle(number)

    for number in ENDING:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, first)


@contextlib.contextmanager
def ending_signals_held() -> Iterator[None]:
    """One that comes within the block is handled at the end of it. For the main thread."""
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in ENDING}
    try:
        for number, handler in before.items():
            if handler != signal.SIG_IGN:
                signal.signal(number, lambda number, _: came.append(number))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in came[:1]:
            signal.raise_signal(number)


@contextlib.contextmanager
def passed_on_to_children(*numbers: int) -> Iterator[None]:
    """Within the block these signals go to this process's children, too, and are KeyboardInterrupt in it.

    One that is ignored stays so, as after nohup.
    """

    def pass_on(number: int, _: object) -> None:
        for pid in [pid for pid, parent, _ in living() if parent == os.getpid()]:
            with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
                os.kill(pid, number)
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in numbers}
    try:
        for number, handler in before.items():
            if handler != signal.SIG_IGN:
                signal.signal(number, pass_on)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
