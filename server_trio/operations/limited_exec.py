"""A program of its own: limits itself, then becomes the command. It imports nothing of the server.

    python -I -S limited_exec.py REPORT NICE CPU MEMORY CTYPE PROGRAM ARGV...

REPORT is a file descriptor that takes the reason if the command cannot be started; it closes when the
command begins. NICE is added to the niceness; CPU (seconds) and MEMORY (bytes) are limits, 0 for none.
CTYPE is `keep` or `drop`: Python sets LC_CTYPE itself where the locale is C (PEP 538), which the command
is not meant to see.

A function between fork and exec (`preexec_fn`) would do the same, but may hang in a process with threads.
"""

from __future__ import annotations

import os
import resource
import signal
import sys


def main(words: list[str]) -> None:
    """Become the command; or report why not, and exit with 127."""
    report = int(words[0])
    os.set_inheritable(report, False)
    try:
        nice, cpu, memory = (int(word) for word in words[1:4])
        if words[4] == "drop":
            os.environ.pop("LC_CTYPE", None)
        # Python ignores these two, and what is ignored stays so in what is executed.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        if nice:
            os.nice(nice)
        if cpu:
            limit(resource.RLIMIT_CPU, cpu, cpu + 1)  # SIGXCPU, and for who ignores that, SIGKILL
        if memory:
            limit(resource.RLIMIT_AS, memory, memory)
        os.execve(words[5], [os.fsencode(word) for word in words[6:]], os.environ)  # noqa: S606 - that is the point
    except (OSError, ValueError, MemoryError) as error:
        os.write(report, f"{type(error).__name__}: {error}".encode()[:1000])
    os._exit(127)


def limit(what: int, soft: int, hard: int) -> None:
    """Set a limit, where there is no stricter one already."""
    _, most = resource.getrlimit(what)
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.setrlimit(what, (soft, hard))


if __name__ == "__main__":
    main(sys.argv[1:])
