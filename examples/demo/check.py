"""Asks the demo as browsers would and measures: run.py --check"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from .stack import Demo

WORKERS = 1  # that the demo starts
AT_ONCE = 50  # offloaded requests
BLOCKING = 5  # requests the old way; one after the other they take long enough
TIMEOUT = 60.0  # seconds for one page, before daphne's own 120


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


@dataclass(frozen=True)
class Measurement:
    """One row of the table."""

    way: str
    requests: int
    seconds: float  # from the first question to the last answer
    waiting_at_once: int  # most requests that the upstream held at one time
    quick_pages: int  # answered meanwhile, while more requests waited than there are workers
    slowest_quick: float  # seconds

    @property
    def blocked(self) -> int:
        """Workers that waited with the requests: all of them, unless one had time for a quick page."""
        return 0 if self.quick_pages else WORKERS


def ask(url: str) -> Page:
    """GET a page on a connection of its own."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
    try:
        connection.request("GET", parts.path)
        response = connection.getresponse()
        return Page(response.status, response.getheaders(), response.read())
    finally:
        connection.close()


def expect(what: str, seen: object, wanted: object) -> None:
    if seen != wanted:
        raise CheckFailed(f"{what}: {seen!r} instead of {wanted!r}")


def check_offloaded_page(demo: Demo) -> None:
    """The upstream's status, body and headers arrive with the cookie and the header of the middleware."""
    page = ask(demo.url + "/offloaded/")
    expect("status of /offloaded/", page.status, 200)
    expect("body of /offloaded/", page.body, f"after {demo.delay} s\n".encode())
    expect("the upstream's header X-Upstream", page.header("x-upstream"), "slow")
    expect("the middleware's header X-Visits", page.header("x-visits"), "1")
    if not page.header("set-cookie").strip().startswith("sessionid="):
        raise CheckFailed(f"no session cookie of Django's middleware in {page.headers}")
    expect("status of /raw/", ask(demo.url + "/raw/").status, 200)


def measure(demo: Demo, way: str, path: str, count: int) -> Measurement:
    """Ask for `path` `count` times at once, and for a quick page again and again meanwhile."""
    demo.upstream.reset()
    begin = time.monotonic()
    with ThreadPoolExecutor(count) as pool:
        answers = [pool.submit(ask, demo.url + path) for _ in range(count)]
        quick, slowest = ask_quick_pages(demo, lambda: all(answer.done() for answer in answers))
        pages = [answer.result() for answer in answers]
    seconds = time.monotonic() - begin
    for page in pages:
        expect(f"status of {path}", page.status, 200)
        expect(f"body of {path}", page.body, f"after {demo.delay} s\n".encode())
    statistics = demo.upstream.statistics()
    expect(f"requests that reached the upstream through {path}", statistics["requests"], count)
    return Measurement(way, count, seconds, statistics["most_at_once"], quick, slowest)


def ask_quick_pages(demo: Demo, done: Callable[[], bool]) -> tuple[int, float]:
    """How many came while more requests waited upstream than workers exist, and the slowest's seconds."""
    count, slowest = 0, 0.0
    while not done():
        before = demo.upstream.statistics()["at_once"]
        begin = time.monotonic()
        expect("status of /quick/", ask(demo.url + "/quick/").status, 200)
        slowest = max(slowest, time.monotonic() - begin)
        count += min(before, demo.upstream.statistics()["at_once"]) > WORKERS
    return count, slowest


def table(rows: list[Measurement]) -> str:
    lines = [
        "way           requests  seconds  waiting upstream at once  slowest quick page  workers blocked",
        "------------  --------  -------  ------------------------  ------------------  ---------------",
    ]
    for row in rows:
        lines.append(
            f"{row.way:<12}  {row.requests:>8}  {row.seconds:>7.2f}  {row.waiting_at_once:>24}"
            f"  {row.slowest_quick:>16.2f} s  {f'{row.blocked} of {WORKERS}':>15}"
        )
    return "\n".join(lines)


def check(demo: Demo) -> None:
    """All of it; prints the table. Raises CheckFailed."""
    check_offloaded_page(demo)
    offloaded = measure(demo, "offloaded", "/offloaded/", AT_ONCE)
    blocking = measure(demo, "in the view", "/blocking/", BLOCKING)
    print(table([offloaded, blocking]), flush=True)
    if offloaded.blocked:
        raise CheckFailed(f"the worker had no time for a quick page while {AT_ONCE} requests were offloaded")
    if offloaded.waiting_at_once <= WORKERS:
        raise CheckFailed("the upstream never held more than one offloaded request at a time")
