"""Just enough HTTP/1.1 to be somebody's upstream: reading requests, writing responses byte by byte.

Standard library only, and none of the libraries that the server under test is built from.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

MAX_HEAD = 1024 * 1024  # bytes of a request's head


@dataclass
class Request:
    """One request as it came over the wire."""

    method: str
    target: str
    version: str
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""

    @property
    def segments(self) -> list[str]:
        """The decoded segments of the path: `/delay/2` is ['delay', '2']."""
        return [unquote(part) for part in urlsplit(self.target).path.split("/") if part]

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    def header(self, name: str) -> str:
        """The values of a header, joined as a recipient may; '' where it is absent."""
        wanted = name.lower().encode()
        return ", ".join(value.decode("latin-1") for key, value in self.headers if key.lower() == wanted)

    def as_json(self) -> dict[str, Any]:
        """What /echo shows: header names as sent, values latin-1, the body as text and as base64."""
        return {
            "method": self.method,
            "target": self.target,
            "version": self.version,
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in self.headers],
            "body": self.body.decode("utf-8", "replace"),
            "body_base64": base64.b64encode(self.body).decode(),
        }


async def read_request(reader: asyncio.StreamReader, ahead: bytes = b"") -> Request | None:
    """The next request of a connection, of which `ahead` was read before; None at the connection's end."""
    try:
        head = ahead + await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head[:-4].split(b"\r\n")
    method, target, version = first.decode("latin-1").split(" ", 2)
    pairs = [line.partition(b":") for line in lines]
    request = Request(method, target, version, [(name, value.strip()) for name, _, value in pairs])
    if "chunked" in request.header("transfer-encoding").lower():
        request.body = await _read_chunks(reader)
    elif request.header("content-length"):
        request.body = await reader.readexactly(int(request.header("content-length")))
    return request


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    while (await reader.readline()).strip():
        pass  # trailers
    return body


@dataclass
class Answer:
    """Writes the response to one request. Exactly what is asked for goes out, right or wrong."""

    request: Request
    writer: asyncio.StreamWriter
    keep_alive: bool = field(default=True)

    async def send(
        self, status: int, headers: Sequence[tuple[str, str]], body: bytes, *, length: bool = True
    ) -> None:
        """A whole response; `Content-Length` is added except where HTTP forbids one."""
        headers = list(headers)
        if length and status >= 200 and status not in (204, 304):
            headers.append(("Content-Length", str(len(body))))
        await self.head(status, headers)
        if self.request.method != "HEAD" and status not in (204, 304):
            await self.raw(body)

    async def head(self, status: int, headers: list[tuple[str, str]]) -> None:
        reason = HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else "Odd"
        lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers), "", ""]
        await self.raw("\r\n".join(lines).encode("latin-1"))

    async def chunk(self, data: bytes) -> None:
        """One chunk of a chunked body; empty: the end of it."""
        await self.raw(b"%x\r\n%s\r\n" % (len(data), data))

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()
