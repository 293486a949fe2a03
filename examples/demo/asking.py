"""Asks the demo as browsers would."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

TIMEOUT = 60.0  # seconds for one page, before daphne's own 120
PIECE = 64 * 1024  # bytes read at once of a large body


class CheckFailed(Exception):
    """The demo does not do what it should; the text says what was seen."""


@dataclass(frozen=True)
class Page:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return ", ".join(value for key, value in self.headers if key.lower() == name)


@contextlib.contextmanager
def response(url: str, method: str, body: Any = None, **headers: str) -> Iterator[http.client.HTTPResponse]:
    """A response of which nothing has been read yet, on a connection of its own."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body, headers)
        yield connection.getresponse()
    finally:
        connection.close()


def ask(url: str, method: str = "GET", body: Any = None, **headers: str) -> Page:
    """A page, whole."""
    with response(url, method, body, **headers) as answer:
        return Page(answer.status, answer.getheaders(), answer.read())


def digest_of(url: str) -> tuple[int, str]:
    """Bytes and SHA-256 of a page, of which only a piece is held at a time."""
    size, digest = 0, hashlib.sha256()
    with response(url, "GET") as answer:
        expect(f"status of {urlsplit(url).path}", answer.status, 200)
        while piece := answer.read(PIECE):
            size += len(piece)
            digest.update(piece)
    return size, digest.hexdigest()


@contextlib.contextmanager
def open_socket(url: str) -> Iterator[ClientConnection]:
    """A WebSocket that has been accepted."""
    path = urlsplit(url).path
    try:
        with connect(url.replace("http", "ws", 1), open_timeout=TIMEOUT, proxy=None) as socket:
            yield socket
    except WebSocketException as error:
        raise CheckFailed(f"the WebSocket at {path}: {error!r}") from error


def expect(what: str, seen: object, wanted: object) -> None:
    if seen != wanted:
        raise CheckFailed(f"{what}: {seen!r} instead of {wanted!r}")
