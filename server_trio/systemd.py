"""What systemd is told of a service of Type=notify: sd_notify(3), a datagram to a unix socket."""

from __future__ import annotations

import logging
import os
import socket

logger = logging.getLogger(__name__)


def notify(text: str) -> None:
    """Send `READY=1`, `MAINPID=123` and the like to whom NOTIFY_SOCKET names; without it, nothing happens."""
    name = os.environ.get("NOTIFY_SOCKET", "")
    if not name.startswith(("/", "@")):
        return
    address = "\0" + name[1:] if name.startswith("@") else name  # @: the abstract namespace of Linux
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            line.setblocking(False)
            line.sendto(text.encode("ascii"), address)
    except OSError as error:
        logger.warning("systemd could not be told %s: %s", text, error)
