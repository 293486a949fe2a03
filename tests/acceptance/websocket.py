"""A browser's WebSocket, that shows each frame as it came: text as str, bytes as bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

TIMEOUT = 60.0  # seconds


class WebSocket:
    """An open connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def send(self, frame: str | bytes) -> None:
        self._connection.send(frame)

    def frame(self) -> str | bytes:
        """The next frame; TimeoutError if there is none in time, ConnectionClosed if there will be none."""
        return self._connection.recv(timeout=TIMEOUT)

    def json(self) -> Any:
        """What the next frame says."""
        return json.loads(self.frame())

    def close_code(self) -> int | None:
        """The code with which the other side closes, once it has."""
        try:
            frame = self.frame()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None
        raise AssertionError(f"a frame came instead: {frame!r}")


@contextmanager
def connected(url: str) -> Iterator[WebSocket]:
    """A connection to `url` (http://... or ws://...), closed at the end.

    Raises websockets.exceptions.InvalidStatus where the handshake is refused.
    """
    address = url.replace("http://", "ws://", 1)
    # Not through a proxy of this machine's, and no limit on a frame: what comes is shown.
    with connect(address, open_timeout=TIMEOUT, max_size=None, proxy=None, compression=None) as connection:
        yield WebSocket(connection)
