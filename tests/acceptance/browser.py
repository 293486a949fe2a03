"""A browser that shows what came over the wire: nothing decoded, no header joined, no redirect followed."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

TIMEOUT = 60.0  # seconds


@dataclass(frozen=True)
class Page:
    """A response as it came."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        """The values of a header, one for each time it came."""
        return [value.strip() for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str:
        return ", ".join(self.all(name))

    def cookies(self) -> list[str]:
        """The names of the cookies it sets."""
        return [value.partition("=")[0] for value in self.all("set-cookie")]

    def json(self) -> Any:
        return json.loads(self.body)


def ask(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Page:
    """One request on a connection of its own. In header names `_` stands for `-`."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body, {name.replace("_", "-"): headers[name] for name in headers})
        response = connection.getresponse()
        return Page(response.status, response.getheaders(), response.read())
    finally:
        connection.close()
