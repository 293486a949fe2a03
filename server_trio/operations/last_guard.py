"""A program of its own: outlives a killed server, and ends its commands. It imports nothing of the server.

    python -I -S last_guard.py SERVER

SERVER is the server's process id. On stdin come lines: `+GROUP` for a process group that has begun, `-GROUP`
for one that is no more. When the server has ended, however it did, what is left gets SIGKILL: nobody
holds them to their time any more, and another server may run the same command again.

The kernel's own way (PR_SET_PDEATHSIG, prctl(2)) is for the end of a thread, is undone by programs that
change their user, and spares the children of the command.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys

STDIN = 0


def main(server: int) -> None:
    """Wait for the end of the server, then end its groups."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # it is told when it is needed no more
    os.set_blocking(STDIN, False)
    poll = select.poll()
    poll.register(STDIN, select.POLLIN)
    with contextlib.suppress(AttributeError, OSError):  # Linux 5.3
        # The pipe alone would not do: something that the server has forked may hold it open.
        poll.register(os.pidfd_open(server), select.POLLIN)
    ended = os.getppid() != server
    groups: set[int] = set()
    text = b""
    while True:
        with contextlib.suppress(BlockingIOError):
            while data := os.read(STDIN, 65536):
                *lines, text = (text + data).split(b"\n")
                for line in lines:
                    (groups.add if line[:1] == b"+" else groups.discard)(int(line[1:]))
            ended = True
        if ended:
            break
        ended = any(number != STDIN for number, _ in poll.poll())
    for group in groups:
        with contextlib.suppress(OSError):  # it has ended, or is another user's now
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]))
