"""An upstream that answers as fast as Python can: python benchmarks/fast_upstream.py DELAY

Prints its port. Every request gets `200 OK` with two bytes after DELAY seconds; pipelining and bodies
are not looked at.
"""

from __future__ import annotations

import asyncio
import sys

RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


class Upstream(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        if not data.endswith(b"\r\n\r\n"):
            return
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._transport.write, RESPONSE)
        else:
            self._transport.write(RESPONSE)


async def main(delay: float) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Upstream(delay), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
