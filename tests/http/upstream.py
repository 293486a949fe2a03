"""An upstream that plays a script on raw sockets: no HTTP library, so that it can be as wrong as real ones.

    async with open_upstream([REQUEST_THEN, b'HTTP/1.1 200 OK...'], ...) as upstream:
        upstream.url('/path'), upstream.requests, upstream.connections

Each argument is the script of one connection, in the order in which they are accepted. A script is a
list of steps; when it ends, the upstream closes. A step is
- bytes: one whole request is awaited, then these are sent;
- an async function of one argument, the `Peer`.
"""

import socket
import struct
from contextlib import asynccontextmanager, suppress
from functools import partial

import trio
import trio.testing


def answer(body=b"", *headers, status=b"200 OK", version=b"HTTP/1.1"):
    """A well-formed response with a Content-Length."""
    lines = [version + b" " + status, *headers, b"Content-Length: %d" % len(body), b"", body]
    return b"\r\n".join(lines)


class Request:
    """One request as it came: its parts, and `raw`, all of it."""

    def __init__(self, head, body):
        self.raw = head + b"\r\n\r\n" + body
        request_line, *lines = head.split(b"\r\n")
        self.method, self.target, self.version = request_line.split(b" ")
        self.headers = [tuple(line.split(b": ", 1)) for line in lines]
        self.body = body

    def all(self, name):
        return [value for header, value in self.headers if header.lower() == name.lower()]

    def get(self, name):
        values = self.all(name)
        assert len(values) <= 1, f"{name!r} was sent {len(values)} times"
        return values[0] if values else None


class Peer:
    """The upstream's end of one connection."""

    def __init__(self, stream, upstream):
        self.stream = stream
        self.requests = []
        self.ended = trio.Event()  # the client has closed, or reset
        self._upstream = upstream
        self._buffer = b""

    async def read_some(self):
        try:
            data = await self.stream.receive_some()
        except trio.BrokenResourceError:
            data = b""
        if not data:
            self.ended.set()
        self._buffer += data
        return data

    async def read_head(self):
        """The head of the next request, without its blank line; None if the client closed instead."""
        while b"\r\n\r\n" not in self._buffer:
            if not await self.read_some():
                assert not self._buffer, "the client closed in the middle of a request head"
                return None
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        return head

    async def read_request(self):
        head = await self.read_head()
        if head is None:
            return None
        length = int(Request(head, b"").get(b"Content-Length") or 0)
        while len(self._buffer) < length:
            if not await self.read_some():
                raise AssertionError("the client closed in the middle of a request body")
        request = Request(head, self._buffer[:length])
        self._buffer = self._buffer[length:]
        self.requests.append(request)
        self._upstream.requests.append(request)
        return request

    async def send(self, data):
        await self.stream.send_all(data)

    async def wait_closed(self):
        while await self.read_some():
            self._buffer = b""


class Upstream:
    def __init__(self, scripts, scheme="http", host="127.0.0.1"):
        self.requests = []  # of all connections, in order of arrival
        self.connections = []  # the Peers, in order of acceptance
        self.scheme = scheme
        self.host = host
        self.port = 80
        self._scripts = list(scripts)

    def url(self, target="/"):
        return f"{self.scheme}://{self.host}:{self.port}{target}"

    async def play(self, stream):
        """Play the next script on a connection; whether it came to its end."""
        peer = Peer(stream, self)
        self.connections.append(peer)
        assert self._scripts, "one connection more than there are scripts"
        for step in self._scripts.pop(0):
            if not isinstance(step, bytes):
                await step(peer)
            elif await peer.read_request() is None:
                return False
            else:
                await peer.send(step)
        return True


@asynccontextmanager
async def open_upstream(*scripts, ssl_context=None):
    upstream = Upstream(scripts, "https" if ssl_context else "http")

    async def serve(stream):
        async with stream:
            if ssl_context:
                stream = trio.SSLStream(stream, ssl_context, server_side=True, https_compatible=True)
                try:
                    await stream.do_handshake()
                except trio.BrokenResourceError:
                    return  # the client does not like the certificate
            if await upstream.play(stream) and ssl_context:
                with suppress(trio.BrokenResourceError):  # the client may have closed without one
                    await stream.unwrap()  # a closure alert

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        upstream.port = listeners[0].socket.getsockname()[1]
        try:
            yield upstream
        finally:
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def open_memory_upstream(*scripts):
    """The same without sockets, for tests of time; `upstream.open_stream` is what a Session takes."""
    upstream = Upstream(scripts, host="memory.example")
    async with trio.open_nursery() as nursery:

        async def serve(stream):
            async with stream:
                await upstream.play(stream)

        async def open_stream(origin):
            ours, theirs = trio.testing.memory_stream_pair()
            nursery.start_soon(serve, theirs)
            return ours

        upstream.open_stream = open_stream
        try:
            yield upstream
        finally:
            nursery.cancel_scope.cancel()


# --- steps ----------------------------------------------------------------------------------------


async def reset(peer):
    """End the connection with a TCP reset."""
    linger = struct.pack("ii", 1, 0)
    peer.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    peer.stream.socket.close()


async def until_closed(peer):
    """Wait until the client has closed."""
    await peer.wait_closed()


async def stall(peer):
    """Read one request and never answer."""
    await peer.read_request()
    await peer.wait_closed()


def sending(*pieces):
    """Read one request, then send the pieces one by one, as separate segments."""

    async def step(peer):
        await peer.read_request()
        for piece in pieces:
            await peer.send(piece)
            await trio.testing.wait_all_tasks_blocked()

    return step
