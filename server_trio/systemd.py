"""What systemd is told of a service of Type=notify: sd_notify(3), datagrams to a unix socket."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Final

import trio

logger = logging.getLogger(__name__)

#: Seconds between two looks at what there is to say in STATUS=; what has not changed is not said again.
STATUS_INTERVAL: Final = 5.0


#: Seconds between two WATCHDOG=1 at least, whatever WATCHDOG_USEC says.
SHORTEST_INTERVAL: Final = 0.1

#: Seconds to wait for a systemd that has not yet read what was said before.
PATIENCE: Final = 0.5


def notify(text: str) -> None:
    """Send `READY=1`, `MAINPID=123` and the like to whom NOTIFY_SOCKET names; without it, nothing happens.

    Raises OSError.
    """
    name = os.environ.get("NOTIFY_SOCKET", "")
    if not name.startswith(("/", "@")):
        return
    address = "\0" + name[1:] if name.startswith("@") else name  # @: the abstract namespace of Linux
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
        line.settimeout(PATIENCE)
        line.sendto(text.encode("utf-8", "replace"), address)


def watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    """Within how many seconds systemd wants to hear WATCHDOG=1, see sd_watchdog_enabled(3); None: never."""
    microseconds, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or int(microseconds) == 0:
        return None
    if pid and pid != str(os.getpid()):
        return None
    return int(microseconds) / 1e6


class Service:
    """What this process says as the main one of its service. After `hand_over` it says no more."""

    def __init__(self) -> None:
        self._is_main = True
        self._status = ""
        self._is_unheard = False  # and that has been logged

    def ready(self) -> None:
        self._say("READY=1")

    def stopping(self) -> None:
        self._say("STOPPING=1")

    def reloading(self) -> None:
        """To be followed by `ready` or `hand_over`. Type=notify-reload wants to know when it was."""
        self._say(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def hand_over(self, pid: int) -> None:
        """Another process, which is ready, is the main one from now on.

        READY for it, too: of what it has said itself, as long as it was not the main one, systemd knows
        nothing (NotifyAccess=main).
        """
        self._say(f"READY=1\nMAINPID={pid}")
        self._is_main = False

    async def tell_forever(self, problem: Callable[[], str | None], status: Callable[[], str]) -> None:
        """Say `status()` when it changes, and WATCHDOG=1 in time as long as `problem()` knows of none."""
        watchdog = watchdog_seconds(os.environ)
        interval = STATUS_INTERVAL
        if watchdog is not None:
            interval = max(SHORTEST_INTERVAL, min(interval, watchdog / 2))
        last: str | None = None
        while "NOTIFY_SOCKET" in os.environ and self._is_main:
            if watchdog is not None:
                found = problem()
                if found is None:
                    self._say("WATCHDOG=1")
                elif found != last:
                    words = "systemd's watchdog, which restarts this service within %g s, hears nothing: %s"
                    logger.error(words, watchdog, found)
                last = found
            if (words := status()) != self._status:
                self._status = words
                self._say(f"STATUS={words}")
            await trio.sleep(interval)

    def _say(self, text: str) -> None:
        if not self._is_main:
            return
        try:
            notify(text)
        except OSError as error:
            if not self._is_unheard:
                words = "systemd could not be told %s: %s (not said again until it can)"
                logger.warning(words, text.partition("\n")[0], error)
            self._is_unheard = True
        else:
            self._is_unheard = False
