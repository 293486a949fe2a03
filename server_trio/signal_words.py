"""Which signals a server listens to, and what each asks for. Importing it imports no Trio."""

from __future__ import annotations

import signal
import textwrap
from typing import Final

#: signals.py does it; --help and docs/flags.rst show it.
MEANINGS: Final = {
    (signal.SIGTERM, signal.SIGINT): (
        "stop claiming, finish what is in flight within the grace time, exit 0;"
        " a second one: answer what is in flight 503 and exit 1 now"
    ),
    (signal.SIGHUP,): (
        "start a fresh process, which reads the settings again; once it is ready, do as on TERM."
        " If it does not get ready, go on with the settings there are."
        " With --processes, replace one process after the other"
    ),
    (signal.SIGUSR1,): "print the tree of tasks to stderr, with what each is waiting for",
}


def names(signals: tuple[signal.Signals, ...]) -> str:
    """As kill(1) knows them: TERM, INT."""
    return ", ".join(number.name.removeprefix("SIG") for number in signals)


def shown_signals() -> str:
    """The paragraph of the server's --help."""
    lines = []
    for signals, meaning in MEANINGS.items():
        words = textwrap.wrap(meaning, 80)
        lines += [f"  {names(signals):11}{words[0]}", *(f"{'':13}{line}" for line in words[1:])]
    return "signals:\n" + "".join(f"{line}\n" for line in lines)
