"""More browsers than the server has places for, and one that reads slowly: what the others see."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.browser import ask
from tests.acceptance.raw import until
from tests.acceptance.stack import serving
from tests.harness.redis_server import redis_server

PLACES = 4
CAPACITY = 5  # messages that wait in Redis
FLOOD = 50
LARGE = 40_000_000  # bytes; more than sockets and reply channel hold


@pytest.fixture
def small_site(tmp_path, web_python, upstream):
    """A site whose server and channel are soon full."""
    settings = {
        "ACCEPTANCE_SERVER": json.dumps({"CONCURRENCY": {"total": PLACES}}),
        "ACCEPTANCE_CAPACITY": json.dumps({"request.async": CAPACITY}),
    }
    with redis_server() as redis, serving(tmp_path, web_python, redis, upstream, **settings) as it:
        yield it


def test_a_flood_is_answered_503_at_once_but_for_what_finds_a_place(small_site, upstream):
    site = small_site
    with ThreadPoolExecutor(FLOOD) as pool:
        flood = [pool.submit(ask, f"{site.url}/ask/gate/{number}") for number in range(FLOOD)]
        until(
            "the rest is refused", lambda: sum(each.done() for each in flood) == FLOOD - PLACES - CAPACITY, 60
        )
        assert upstream.statistics()["at_once"] == PLACES
        assert site.redis.command("LLEN", "acceptance:request.async") == CAPACITY
        refused = [each.result() for each in flood if each.done()]
        assert ask(site.url + "/quick/").status == 200  # the site is there all the time
        upstream.open()
        pages = [each.result() for each in flood]
    assert {page.status for page in refused} == {503}
    assert all(int(page.header("retry-after")) > 0 for page in refused)
    assert sorted(page.status for page in pages) == [200] * (PLACES + CAPACITY) + [503] * len(refused)
    assert upstream.statistics()["most_at_once"] == PLACES
    assert ask(site.url + "/ask/echo").status == 200
    assert all(process.returncode is None for process in site.processes.values())


def test_a_browser_that_reads_slowly_holds_up_nobody_else(site, upstream):
    port = int(site.url.rpartition(":")[2])
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", port))
        slow.settimeout(60)
        slow.sendall(
            f"GET /ask/bytes/{LARGE} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
        )
        received = slow.recv(1000)
        assert received.startswith(b"HTTP/1.1 200 ")
        for number in range(20):
            assert ask(f"{site.url}/ask/echo/{number}").json()["target"] == f"/echo/{number}"
        head, _, body = received.partition(b"\r\n\r\n")
        size = len(body)
        while size < LARGE:
            piece = slow.recv(1_000_000)
            assert piece, f"it ended after {size} bytes"
            size += len(piece)
    assert size == LARGE
    assert f"content-length: {LARGE}".encode() in head.lower()
