"""Two servers of a site under load are restarted, one after the other: no browser notices."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.browser import ask
from tests.acceptance.raw import until
from tests.acceptance.stack import serving
from tests.harness.redis_server import redis_server

BROWSERS = 8
FEWEST = 200  # requests in all
KINDS = [("POST", "echo"), ("GET", "delay/0.3"), ("GET", "chunked/20"), ("GET", "drip/5?interval=0.1")]


@pytest.fixture
def own_site(tmp_path, web_python, upstream):
    with redis_server() as redis, serving(tmp_path, web_python, redis, upstream) as it:
        it.start_server("second")
        yield it


class Load:
    """Browsers that ask one request after the other until they are told to stop."""

    def __init__(self, site) -> None:
        self._site = site
        self._end = threading.Event()
        self._pool = ThreadPoolExecutor(BROWSERS)
        self.seen: list[tuple[int, bytes]] = []

    def __enter__(self) -> Load:
        self._browsers = [self._pool.submit(self._browse, number) for number in range(BROWSERS)]
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for browser in self._browsers:
            browser.result()
        self._pool.shutdown()

    def _browse(self, number: int) -> None:
        while not self._end.is_set():
            method, path = KINDS[number % len(KINDS)]
            number += 1
            page = ask(f"{self._site.url}/ask/{path}", method, b"x" if method == "POST" else None)
            self.seen.append((page.status, page.body if path != "echo" else b"echo"))

    def more(self, number: int) -> None:
        """Wait for that many further answers."""
        goal = len(self.seen) + number
        until(f"{number} more answers", lambda: len(self.seen) >= goal, 60)


def test_no_request_fails_when_servers_are_restarted_one_after_the_other(own_site):
    with Load(own_site) as load:
        for name in ("server", "second"):
            load.more(20)
            own_site.processes[name].signal(signal.SIGTERM)
            assert own_site.processes[name].wait() == 0
            load.more(20)
            own_site.start_server(name)
        load.more(max(20, FEWEST - len(load.seen)))
    assert {status for status, _ in load.seen} == {200}, Counter(load.seen)
    assert len({body for _, body in load.seen}) == len(KINDS)


def test_no_request_fails_when_the_only_server_replaces_itself(own_site):
    second = own_site.processes.pop("second")
    assert second.end() == 0
    server = own_site.processes["server"]
    with Load(own_site) as load:
        load.more(20)
        server.signal(signal.SIGHUP)
        server.wait_for_line("is ready and takes over")
        until("the old one has ended", lambda: server.returncode is not None)
        load.more(50)
        (successor,) = server.relatives()
        os.kill(successor, signal.SIGHUP)
        server.wait_for_line("is ready and takes over", count=2)
        load.more(max(20, FEWEST - len(load.seen)))
    assert server.returncode == 0
    assert {status for status, _ in load.seen} == {200}, Counter(load.seen)


def test_what_waits_behind_a_full_server_that_drains_is_done_by_the_next(own_site, upstream):
    first, second = own_site.processes["server"], own_site.processes["second"]
    second.signal(signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(30) as pool:
            waiting = [pool.submit(ask, own_site.url + "/ask/gate") for _ in range(30)]
            until("the upstream is asked", lambda: upstream.statistics()["at_once"])
            first.signal(signal.SIGTERM)
            first.wait_for_line(r"draining: \d+ operations")
            upstream.open()
            assert first.wait() == 0
            second.signal(signal.SIGCONT)
            assert [answer.result().status for answer in waiting] == [200] * 30
    finally:
        second.signal(signal.SIGCONT)
