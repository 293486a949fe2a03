"""An upstream that answers as fast as Python can: python benchmarks/fast_upstream.py [DELAY]

Prints its port. `/` is answered `200 OK` with two bytes after DELAY seconds, `/wait/MS` after that many
milliseconds, `/body/BYTES` with a body of that length. What else a request says is not looked at. It runs
on uvloop where that is installed.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
from typing import cast

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
RESPONSE = HEAD % 2 + b"ok"
PATH = re.compile(rb"GET /(wait|body)/(\d+) ")
PIECE = 256 * 1024  # bytes of a body that are written at once


class Upstream(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._left = 0  # bytes of a body not yet written
        self._paused = False
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no instance of it

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        if not data.endswith(b"\r\n\r\n") or self._received:
            self._received += data
            if not self._received.endswith(b"\r\n\r\n"):
                return
            data, self._received = self._received, b""
        asked = PATH.match(data)
        if asked and asked[1] == b"body":
            self._left = int(asked[2])
            self._transport.write(HEAD % self._left)
            self._write_body()
            return
        delay = int(asked[2]) / 1000 if asked else self._delay
        if delay:
            self._loop.call_later(delay, self._answer)
        else:
            self._transport.write(RESPONSE)

    def _answer(self) -> None:
        assert self._transport is not None
        if not self._transport.is_closing():
            self._transport.write(RESPONSE)

    def _write_body(self) -> None:
        assert self._transport is not None
        while self._left and not self._paused:
            size = min(PIECE, self._left)
            self._left -= size
            self._transport.write(b"x" * size)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._write_body()


async def main(delay: float) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Upstream(delay), "127.0.0.1", 0, backlog=20000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        import uvloop
    except ImportError:
        pass
    else:
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 0.0))
