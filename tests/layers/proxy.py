"""A network between the bridge and its Redis that fails in chosen ways."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import trio

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup  # type: ignore[import-not-found]

from tests.harness.redis_server import RedisServer

#: The way in which a server looks older than it is: the version in the reply to INFO.
VERSION = re.compile(rb"redis_version:[0-9.]+")


@dataclass
class Proxy:
    """Passes bytes on between clients and one Redis, but for what a test asks for."""

    redis: RedisServer
    port: int = 0
    #: The next command that this regular expression is found in is done, its reply lost, the line cut.
    lose_reply_to: bytes | None = None
    version_prefix: bytes = b""
    tear_every: int = 0  # after so many bytes of replies a line is cut, mostly in the middle of one; 0: never
    lost: int = 0
    _speaking: trio.Event = field(default_factory=trio.Event)
    _lines: set[trio.CancelScope] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def fall_silent(self) -> None:
        """Keep the lines open, and pass no reply on."""
        self._speaking = trio.Event()

    def speak(self) -> None:
        """End `fall_silent`."""
        self._speaking.set()

    def cut(self) -> None:
        """Break every connection."""
        for line in self._lines:
            line.cancel()

    async def wait_for_lines(self, number: int) -> None:
        """Wait until so many connections are open."""
        while len(self._lines) != number:
            await trio.lowlevel.checkpoint()

    async def serve(self, client: trio.SocketStream) -> None:
        """One connection."""
        with trio.CancelScope() as line, contextlib.suppress(OSError, trio.BrokenResourceError):
            self._lines.add(line)
            try:
                async with client, await trio.open_tcp_stream(self.redis.host, self.redis.port) as server:
                    await self._pass_on(line, client, server)
            except BaseExceptionGroup as group:
                _, rest = group.split((trio.Cancelled, trio.BrokenResourceError, trio.ClosedResourceError))
                if rest is not None:
                    raise
            finally:
                self._lines.discard(line)

    def _disguised(self, version: bytes) -> bytes:
        return self.version_prefix + version[len(self.version_prefix) :]

    async def _pass_on(
        self, line: trio.CancelScope, client: trio.SocketStream, server: trio.SocketStream
    ) -> None:
        doomed = False

        async def requests() -> None:
            nonlocal doomed
            async for data in client:
                if self.lose_reply_to is not None and re.search(self.lose_reply_to, data, re.DOTALL):
                    self.lose_reply_to = None
                    doomed = True
                await server.send_all(data)
            line.cancel()

        async def replies() -> None:
            passed = 0
            async for data in server:
                passed += len(data)
                if self.tear_every and passed > self.tear_every:
                    self.lost += 1
                    await client.send_all(data[: len(data) // 2])
                    break
                if doomed:
                    self.lost += 1
                    break
                await self._speaking.wait()
                # As long as it was: the reply says before how long it is.
                await client.send_all(VERSION.sub(lambda found: self._disguised(found.group()), data))
            line.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(requests)
            nursery.start_soon(replies)


@contextlib.asynccontextmanager
async def open_proxy(redis: RedisServer, port: int = 0) -> AsyncIterator[Proxy]:
    """A proxy on that port of this machine, or a free one."""
    proxy = Proxy(redis)
    proxy.speak()
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(port, host="127.0.0.1")
        proxy.port = listeners[0].socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, proxy.serve, listeners)
        try:
            yield proxy
        except Exception as error:
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
