"""A small HTTP proxy on real sockets: CONNECT (RFC 9110 9.3.6) and absolute-form (RFC 9112 3.2.2)."""

from contextlib import asynccontextmanager, suppress
from functools import partial
from urllib.parse import urlsplit

import trio

from tests.http.upstream import Request


class Proxy:
    def __init__(self, reply, hosts):
        self.port = 0
        self.heads = []  # Requests, without their bodies
        self._reply = reply
        self._hosts = hosts

    def url(self, userinfo=""):
        return f"http://{userinfo}127.0.0.1:{self.port}"

    async def serve(self, stream):
        received = b""
        while b"\r\n\r\n" not in received:
            data = await stream.receive_some()
            if not data:
                return
            received += data
        head, _, rest = received.partition(b"\r\n\r\n")
        request = Request(head, b"")
        self.heads.append(request)
        if self._reply is not None:
            await stream.send_all(self._reply)
            with suppress(trio.BrokenResourceError):
                while await stream.receive_some():
                    pass
            return
        tunnel = request.method == b"CONNECT"
        host = urlsplit(("//" if tunnel else "") + request.target.decode())
        upstream = await trio.open_tcp_stream(self._hosts.get(host.hostname, host.hostname), host.port)
        async with upstream, trio.open_nursery() as nursery:
            if tunnel:
                await stream.send_all(b"HTTP/1.1 200 Connection established\r\nProxy-Agent: test\r\n\r\n")
            else:  # as it is: upstreams take the absolute form too (RFC 9112 3.2.2)
                await upstream.send_all(received)
            nursery.start_soon(self._pump, stream, upstream, rest if tunnel else b"")
            await self._pump(upstream, stream, b"")
            nursery.cancel_scope.cancel()

    @staticmethod
    async def _pump(source, sink, first):
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            if first:
                await sink.send_all(first)
            async for data in source:
                await sink.send_all(data)
            await sink.send_eof()


@asynccontextmanager
async def open_proxy(reply=None, **hosts):
    """A proxy that answers everything with `reply`, if given; `hosts` is its DNS, `_` for a dot."""
    proxy = Proxy(reply, {name.replace("_", "."): address for name, address in hosts.items()})

    async def serve(stream):
        async with stream:
            await proxy.serve(stream)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        proxy.port = listeners[0].socket.getsockname()[1]
        try:
            yield proxy
        finally:
            nursery.cancel_scope.cancel()
