"""SIGHUP and SIGUSR1 while nobody listens: before a server serves, and while it exits. Imports no Trio.

By default either ends a process (signal(7)). Both are sent to servers that may be starting or ending: by
log rotation, by a deployment, by a person who wants to know what one is waiting for.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Final

BORNE: Final = (signal.SIGHUP, signal.SIGUSR1)


def bear() -> None:
    """Have them do nothing. What whoever started this process has ignored (nohup) stays so.

    By a handler: what a process ignores, those that it starts ignore as well (execve(2)), and signals.obeyed
    takes that for nohup.
    """
    for number in BORNE:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _do_nothing)


def bear_no_more() -> None:
    """For the commands, which are no servers."""
    for number in BORNE:
        if signal.getsignal(number) is _do_nothing:
            signal.signal(number, signal.SIG_DFL)


def ignore() -> None:
    """For the exit, when nothing is started any more: handlers are gone before the process is."""
    for number in BORNE:
        signal.signal(number, signal.SIG_IGN)


def _do_nothing(number: int, frame: FrameType | None) -> None:
    pass
