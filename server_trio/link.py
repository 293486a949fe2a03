"""The line between the parent of --processes and one of its children: a pair of sockets.

A child says a JSON object a line: once `{"ready": {"processes": N, "longest_end": S}}`, what its settings
say of PROCESSES and the seconds that it may take from SIGTERM to its end; then every second
`{"report": {...}}` (reporting.py). The parent says one byte, ABORT, where the child is to end at once. The
end of the line tells each that the other has gone. SIGTERM, SIGUSR1 and the like go as signals.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

import trio

from .rhythm import next_time

#: Tells a child which process it is, and which descriptor its end of the line has: "2:7". Not a setting.
LINK_VARIABLE: Final = "SERVER_TRIO_PARENT"

ABORT: Final = b"a"
INTERVAL: Final = 1.0  # seconds between two reports
LINE_LIMIT: Final = 4 * 1024 * 1024  # bytes of one line; a report has some kilobytes

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)


class Link:
    """The child's end."""

    def __init__(self, number: int, line: socket.socket) -> None:
        self.number = number  # of this process among its parent's, from 1
        self._line = line
        self._stream: trio.SocketStream | None = None

    async def follow(self, drain: Callable[[], None], abort: Callable[[], None]) -> None:
        """Do what the parent asks for, until cancelled; drain when it has gone."""
        async for data in _pieces(self._opened()):
            if ABORT in data:
                abort()
        drain()

    async def say_ready(self, processes: int, longest_end: float) -> None:
        await self._say({"ready": {"processes": processes, "longest_end": longest_end}})

    async def report_forever(self, report: Callable[[], Mapping[str, Any] | None]) -> None:
        """Tell the parent every INTERVAL what `report` returns."""
        while True:
            await self._say({"report": report()})
            await trio.sleep_until(next_time(INTERVAL))

    async def _say(self, what: Mapping[str, Any]) -> None:
        # What the parent does not read waits here, one report at the most.
        with contextlib.suppress(trio.BrokenResourceError):  # `follow` notices, too
            await self._opened().send_all(json.dumps(what, default=str).encode("ascii") + b"\n")

    def _opened(self) -> trio.SocketStream:
        if self._stream is None:
            self._stream = trio.SocketStream(trio.socket.from_stdlib_socket(self._line))
        return self._stream


def take_link() -> Link | None:
    """The line to the parent; None in a process that has none.

    Taken out of the environment, so that no process started from here thinks that it is a child. Does not
    return where the parent has ended already. Should it end before this process follows the line, SIGTERM
    comes.
    """
    number, _, descriptor = os.environ.pop(LINK_VARIABLE, "").partition(":")
    if not number.isdigit() or not descriptor.isdigit():
        return None
    try:
        line = socket.socket(fileno=int(descriptor))
    except OSError:
        return None
    line.set_inheritable(False)
    if sys.platform == "linux":
        # Linux alone tells it by a signal. It comes when the thread ends that started this process: the
        # parent starts its children in its main thread for that reason.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    with contextlib.suppress(BlockingIOError):
        if not line.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
            raise SystemExit(0)
    return Link(int(number), line)


async def messages(stream: trio.SocketStream) -> AsyncIterator[dict[str, Any]]:
    """What a child says, for its parent, until the line ends. What cannot be read is left out."""
    kept = b""
    async for data in _pieces(stream):
        *lines, kept = (kept + data).split(b"\n")
        if len(kept) > LINE_LIMIT:
            kept = b""
        for line in lines:
            with contextlib.suppress(ValueError):
                message = json.loads(line)
                if isinstance(message, dict):
                    yield message


async def _pieces(stream: trio.SocketStream) -> AsyncIterator[bytes]:
    """What comes, until the other end has gone, in whatever way."""
    with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        async for data in stream:
            yield bytes(data)
