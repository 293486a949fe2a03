"""The upstream's paths. Run as a program it prints `listening on port N` and serves 127.0.0.1 until ended.

Well-behaved:  /delay/SECONDS  /status/CODE  /headers?name=value&…  /bytes/N  /echo/…  /chunked/N?size=B
               /gzip  /cookies?name=value&…  /redirect/CODE?to=URL  /drip/N?interval=SECONDS  /etag
               /close-delimited  /early-hints  /events/N?interval=SECONDS  /digest
Ill-behaved:   /hang  /disconnect  /truncated  /torn  /garbage
Recovering:    /flaky/N, which is answered 503 N times, and then 200
Under control: /gate/…, answered once /open has been asked for; /pause, whose second half waits for that
About itself:  /statistics  /seen  /posted  /open  /reset
"""

from __future__ import annotations

import asyncio
import collections
import gzip
import hashlib
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # run as a program, this file's package is not known
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.harness.upstream_http import MAX_HEAD, Answer, Request, read_request

TEXT = ("Content-Type", "text/plain; charset=utf-8")
JSON = ("Content-Type", "application/json")
PIECE = 256 * 1024  # bytes written at once of a large body


def pattern(size: int) -> bytes:
    """`size` bytes that differ from place to place, so that a lost or doubled piece shows."""
    block = b"".join(b"%07d\n" % number for number in range(size // 8 + 1))
    return block[:size]


async def delay(request: Request, answer: Answer) -> None:
    await asyncio.sleep(float(request.segments[1]))
    await answer.send(200, [TEXT, ("X-Upstream", "slow")], f"after {request.segments[1]} s\n".encode())


async def status(request: Request, answer: Answer) -> None:
    await answer.send(int(request.segments[1]), [TEXT], f"status {request.segments[1]}\n".encode())


async def headers(request: Request, answer: Answer) -> None:
    await answer.send(200, [TEXT, *request.query], b"headers\n")


async def echo(request: Request, answer: Answer) -> None:
    await answer.send(200, [JSON, ("X-Upstream", "echo")], json.dumps(request.as_json()).encode())


async def large(request: Request, answer: Answer) -> None:
    body = pattern(int(request.segments[1]))
    await answer.head(200, [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))])
    if request.method != "HEAD":
        for start in range(0, len(body), PIECE):
            await answer.raw(body[start : start + PIECE])


async def chunked(request: Request, answer: Answer) -> None:
    size = int(dict(request.query).get("size", "10"))
    await answer.head(200, [TEXT, ("Transfer-Encoding", "chunked")])
    body = pattern(size * int(request.segments[1]))
    for start in range(0, len(body), size):
        await answer.chunk(body[start : start + size])
    await answer.chunk(b"")


async def zeros(request: Request, answer: Answer) -> None:
    """Any number of bytes, held nowhere."""
    size, piece = int(request.segments[1]), bytes(PIECE)
    await answer.head(200, [("Content-Type", "application/octet-stream"), ("Content-Length", str(size))])
    for start in range(0, size, PIECE):
        await answer.raw(piece[: size - start])


async def part(request: Request, answer: Answer) -> None:
    """A part of a body of that size, by a Range of one part."""
    size = int(request.segments[1])
    first, last = (int(number) for number in request.header("range").partition("=")[2].split("-"))
    said = ("Content-Range", f"bytes {first}-{last}/{size}")
    await answer.send(206, [TEXT, said], pattern(size)[first : last + 1])


async def compressed(request: Request, answer: Answer) -> None:
    body = gzip.compress(pattern(20_000), mtime=0)
    await answer.send(200, [TEXT, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")], body)


async def cookies(request: Request, answer: Answer) -> None:
    lines = [("Set-Cookie", f"{name}={value}; Path=/") for name, value in request.query]
    await answer.send(200, [TEXT, *lines], b"cookies\n")


async def redirect(request: Request, answer: Answer) -> None:
    await answer.send(int(request.segments[1]), [("Location", dict(request.query)["to"])], b"elsewhere\n")


async def drip(request: Request, answer: Answer) -> None:
    interval = float(dict(request.query).get("interval", "0.1"))
    await answer.head(200, [TEXT, ("Transfer-Encoding", "chunked")])
    for number in range(int(request.segments[1])):
        await answer.chunk(b"drop %d\n" % number)
        await asyncio.sleep(interval)
    await answer.chunk(b"")


async def etag(request: Request, answer: Answer) -> None:
    matches = request.header("if-none-match") == '"v1"'
    await answer.send(304 if matches else 200, [TEXT, ("ETag", '"v1"')], b"" if matches else b"version 1\n")


async def close_delimited(request: Request, answer: Answer) -> None:
    answer.keep_alive = False
    await answer.send(200, [TEXT], pattern(100_000), length=False)


async def hang(request: Request, answer: Answer) -> None:
    await asyncio.Event().wait()


async def disconnect(request: Request, answer: Answer) -> None:
    answer.keep_alive = False


async def truncated(request: Request, answer: Answer) -> None:
    answer.keep_alive = False
    await answer.head(200, [TEXT, ("Content-Length", "1000000")])
    await answer.raw(pattern(600_000))


async def torn(request: Request, answer: Answer) -> None:
    """In chunks, the last of which is missing."""
    answer.keep_alive = False
    await answer.head(200, [TEXT, ("Transfer-Encoding", "chunked")])
    await answer.chunk(pattern(1000))


async def garbage(request: Request, answer: Answer) -> None:
    answer.keep_alive = False
    await answer.raw(b"\x00\x01 this is not HTTP\r\n\r\n")


async def early_hints(request: Request, answer: Answer) -> None:
    await answer.raw(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
    await answer.send(200, [TEXT], b"after the hints\n")


async def events(request: Request, answer: Answer) -> None:
    interval = float(dict(request.query).get("interval", "0.1"))
    await answer.head(200, [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")])
    for number in range(int(request.segments[1])):
        await answer.chunk(b"id: %d\ndata: event %d\n\n" % (number, number))
        await asyncio.sleep(interval)
    await answer.chunk(b"")


async def digest(request: Request, answer: Answer) -> None:
    said = {"size": len(request.body), "sha256": hashlib.sha256(request.body).hexdigest()}
    await answer.send(200, [JSON], json.dumps(said).encode())


PATHS: dict[str, Callable[[Request, Answer], Awaitable[None]]] = {
    "delay": delay, "status": status, "headers": headers, "echo": echo, "bytes": large, "chunked": chunked,
    "gzip": compressed, "cookies": cookies, "redirect": redirect, "drip": drip, "etag": etag, "hang": hang,
    "close-delimited": close_delimited, "disconnect": disconnect, "truncated": truncated, "garbage": garbage,
    "early-hints": early_hints, "zeros": zeros, "range": part, "events": events, "digest": digest,
    "torn": torn,
}  # fmt: skip


def about_itself(request: Request) -> bool:
    return request.segments[:1] in (["statistics"], ["seen"], ["posted"], ["open"], ["reset"])


async def while_connected(answering: Coroutine[Any, Any, None], reader: asyncio.StreamReader) -> bytes:
    """Answer, but stop when the other side goes. Returns what it has already sent of its next request."""
    answer, watch = asyncio.create_task(answering), asyncio.create_task(reader.read(1))
    await asyncio.wait({answer, watch}, return_when=asyncio.FIRST_COMPLETED)
    if not answer.done() and not watch.result():
        answer.cancel()
        raise ConnectionResetError("the client has gone")
    await answer
    if watch.done():
        return watch.result()
    watch.cancel()
    await asyncio.wait({watch})
    return b""


class Application:
    """Serves connections and remembers what it saw."""

    def __init__(self) -> None:
        self.reset()
        self.at_once = 0

    def reset(self) -> None:
        self.requests = self.answered = self.most_at_once = self.connections = 0
        self.seen: collections.deque[dict[str, Any]] = collections.deque(maxlen=1000)
        self.posted: collections.Counter[str] = collections.Counter()
        self.tried: collections.Counter[str] = collections.Counter()
        self.gate = asyncio.Event()

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: request after request until either side closes."""
        first, ahead = True, b""
        try:
            while (request := await read_request(reader, ahead)) is not None:
                answer = Answer(request, writer)
                answer.keep_alive = "close" not in request.header("connection").lower()
                self.connections += first and not about_itself(request)
                first = False
                ahead = await while_connected(self.respond(request, answer), reader)
                if not answer.keep_alive:
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side has gone, which some tests want
        finally:
            writer.close()

    async def respond(self, request: Request, answer: Answer) -> None:
        name = request.segments[0] if request.segments else "echo"
        if about_itself(request):
            return await self.tell(name, answer)
        self.requests += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.seen.append(request.as_json())
        if request.method == "POST":
            self.posted[request.as_json()["target"]] += 1
        try:
            if name == "gate":
                await self.gate.wait()
            if name == "pause":
                await answer.head(200, [TEXT, ("Transfer-Encoding", "chunked")])
                await answer.chunk(b"before\n")
                await self.gate.wait()
                await answer.chunk(b"after\n")
                return await answer.chunk(b"")
            if name == "flaky":
                return await self.recover(request, answer)
            await PATHS.get(name, echo)(request, answer)
            self.answered += 1
        finally:
            self.at_once -= 1

    async def recover(self, request: Request, answer: Answer) -> None:
        target = request.as_json()["target"]
        self.tried[target] += 1
        fails = self.tried[target] <= int(request.segments[1])
        await answer.send(503 if fails else 200, [TEXT], b"attempt %d\n" % self.tried[target])

    async def tell(self, name: str, answer: Answer) -> None:
        counters = ("requests", "answered", "at_once", "most_at_once", "connections")
        if name == "reset":
            self.reset()
        if name == "open":
            self.gate.set()
        if name == "posted":
            return await answer.send(200, [JSON], json.dumps(self.posted).encode())
        shown = list(self.seen) if name == "seen" else {key: getattr(self, key) for key in counters}
        await answer.send(200, [JSON], json.dumps(shown).encode())


async def main() -> None:
    application = Application()
    server = await asyncio.start_server(application.connection, "127.0.0.1", 0, limit=MAX_HEAD, backlog=1024)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, os._exit, 0)
    print("listening on port", server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
