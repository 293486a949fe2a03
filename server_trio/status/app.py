"""What the status server answers: probes, metrics, the page, and what its script asks for. An ASGI app."""

from __future__ import annotations

import functools
import importlib.resources
import ipaddress
import json
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs

import trio

from ..errors import ServerTrioError
from ..readiness import obstacle
from . import metrics, page, view
from .history import INTERVAL, History
from .source import Report, Source

logger = logging.getLogger("server_trio.status")

TIME_LIMIT: Final = 10.0  # seconds of one answer
SITE_TIME: Final = 2.0  # seconds for which what Redis said of the site is good enough, and that it may take
NAME_LENGTH: Final = 300  # characters of a Host header that are looked at

TEXT: Final = "text/plain; charset=utf-8"
FILES: Final = {
    "/status.js": "text/javascript; charset=utf-8",
    "/status.css": "text/css; charset=utf-8",
    "/uPlot.iife.min.js": "text/javascript; charset=utf-8",
    "/uPlot.min.css": "text/css; charset=utf-8",
    "/uPlot.LICENSE": TEXT,
    "/status.svg": "image/svg+xml",
}

HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", page.CONTENT_SECURITY_POLICY.encode("ascii")),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Answer(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, text: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(text)
        self.status, self.text, self.headers = status, text, headers


class StatusApp:
    """The ASGI app. `hosts`: the names under which it may be asked for; None for any.

    A page of another site could otherwise have its own name point here, and read what its visitor may.
    """

    def __init__(self, source: Source, hosts: Sequence[str] | None) -> None:
        self._source = source
        self._hosts = hosts
        self._history = History()
        self._site: Sequence[Report] = ()
        self._site_until = -math.inf  # trio time
        self._asking = trio.Lock()
        self._routes: dict[str, Callable[[Mapping[str, Any]], Awaitable[tuple[bytes, str]]]] = {
            "/": self._page,
            "/livez": self._livez,
            "/readyz": self._readyz,
            "/metrics": self._metrics,
            "/api/status": self._api,
        }

    async def keep_history(self) -> None:
        """Note how things are, point by point, until cancelled."""
        while True:
            self._history.add(self._source.own(), time.time())
            await trio.sleep(INTERVAL)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        extra: tuple[tuple[bytes, bytes], ...] = ()
        with trio.move_on_after(TIME_LIMIT):
            try:
                status, (body, content_type) = 200, await self._answer(scope)
            except Answer as answer:
                status, body, content_type = answer.status, answer.text.encode("utf-8"), TEXT
                extra = answer.headers
            headers = [
                (b"content-type", content_type.encode("ascii")),
                (b"content-length", str(len(body)).encode("ascii")),
                *HEADERS,
                *extra,
            ]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, scope: Mapping[str, Any]) -> tuple[bytes, str]:
        if scope["method"] not in ("GET", "HEAD"):
            raise Answer(405, "only GET and HEAD\n", (b"allow", b"GET, HEAD"))
        if not self._is_known_host(_header(scope, b"host")):
            raise Answer(403, "not under this name: use the address of --status\n")
        path = scope["path"]
        if path in FILES:
            return _file(path), FILES[path]
        route = self._routes.get(path)
        if route is None:
            raise Answer(404, "there are /, /livez, /readyz and /metrics\n")
        return await route(scope)

    def _is_known_host(self, host: str) -> bool:
        """An address is nobody's name; it cannot be made to point elsewhere."""
        if self._hosts is None:
            return True
        name = host[:NAME_LENGTH].lower()
        name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
        if not name or name == "localhost" or name in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    async def _livez(self, scope: Mapping[str, Any]) -> tuple[bytes, str]:
        """The process answers. It takes no Redis for that."""
        return b"ok\n", TEXT

    async def _readyz(self, scope: Mapping[str, Any]) -> tuple[bytes, str]:
        reports, now = self._source.own(), time.time()
        obstacles = [found for report in reports if (found := obstacle(report, now)) is not None]
        if len(obstacles) < len(reports):
            return b"ok\n", TEXT
        raise Answer(503, "".join(f"{words}\n" for words in obstacles) or "starting\n")

    async def _metrics(self, scope: Mapping[str, Any]) -> tuple[bytes, str]:
        return metrics.render(self._source.own(), _header(scope, b"accept"), time.time())

    async def _page(self, scope: Mapping[str, Any]) -> tuple[bytes, str]:
        text = page.render(await self._view())
        return text.encode("utf-8", "replace"), "text/html; charset=utf-8"

    async def _api(self, scope: Mapping[str, Any]) -> tuple[bytes, str]:
        """What the page shows, and the points of the plots after the time in `since`."""
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("since", ["0"])[0]
        try:
            since = float(asked)
        except ValueError:
            raise Answer(400, "since is a time, epoch seconds\n") from None
        answer = {**await self._view(), "points": self._history.since(since)}
        return json.dumps(answer).encode("ascii"), "application/json"

    async def _view(self) -> dict[str, Any]:
        return view.summary(self._source.own(), await self._ask_site(), time.time())

    async def _ask_site(self) -> Sequence[Report]:
        """What Redis knows of the site: asked for all who want to know together, and not waited for long."""
        async with self._asking:
            if trio.current_time() >= self._site_until:
                self._site_until = trio.current_time() + SITE_TIME
                found: Sequence[Report] = ()
                with trio.move_on_after(SITE_TIME):
                    try:
                        found = await self._source.site()
                    except ServerTrioError as error:
                        logger.debug("the servers of the site cannot be asked for: %s", error)
                self._site = found or self._source.own()
        return self._site


def _header(scope: Mapping[str, Any], wanted: bytes) -> str:
    values: list[str] = [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
    return values[0] if values else ""


@functools.cache
def _file(path: str) -> bytes:
    """One of the files that are installed beside this module."""
    return importlib.resources.files(__package__).joinpath("static").joinpath(path[1:]).read_bytes()
