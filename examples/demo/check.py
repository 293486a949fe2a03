"""Checks each page of the demo, and measures what offloading is for: run.py --check"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .asking import CheckFailed, ask, expect
from .rows import ROWS
from .stack import Demo

WORKERS = 1  # that the demo starts
AT_ONCE = 50  # offloaded requests
BLOCKING = 5  # requests the old way; one after the other they take long enough


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


def check_index(demo: Demo) -> None:
    """Each page that is linked is checked by a row, and each row's page is linked."""
    index = ask(demo.url + "/").body.decode()
    linked = {path.partition("?")[0] for path in re.findall(r'<a href="([^"]*)"', index)}
    for path in re.findall(r'(?:src|rel="stylesheet" href)="([^"]*)"', index):
        expect(f"status of {path}", ask(demo.url + path).status, 200)
    expect("pages that the index links to", sorted(linked), sorted({row.path for row in ROWS}))


def check(demo: Demo) -> None:
    """All of it; prints what was seen of each page, and the measurements. Raises CheckFailed."""
    check_index(demo)
    width = max(len(row.path) for row in ROWS)
    for row in ROWS:
        print(f"{row.path:<{width}}  {row.check(demo)}", flush=True)
    offloaded = measure(demo, "offloaded", "/offloaded/", AT_ONCE)
    blocking = measure(demo, "in the view", "/blocking/", BLOCKING)
    print(f"\n{table([offloaded, blocking])}", flush=True)
    if offloaded.blocked:
        raise CheckFailed(f"the worker had no time for a quick page while {AT_ONCE} requests were offloaded")
    if offloaded.waiting_at_once <= WORKERS:
        raise CheckFailed("the upstream never held more than one offloaded request at a time")
