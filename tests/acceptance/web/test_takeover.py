"""A server is killed while browsers wait for it: another one answers them."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.browser import ask
from tests.acceptance.raw import until
from tests.acceptance.stack import serving
from tests.harness.redis_server import redis_server


@pytest.fixture
def site(tmp_path, web_python, upstream):
    """A site of which the test may end what it likes, with one server."""
    with redis_server() as redis, serving(tmp_path, web_python, redis, upstream) as it:
        yield it


def kill(site) -> None:
    server = site.processes["server"]
    server.signal(signal.SIGKILL)
    server.wait()


def test_browsers_whose_server_is_killed_get_their_pages_from_the_other(site, upstream):
    site.start_server("other")
    with ThreadPoolExecutor(20) as pool:
        gets = [pool.submit(ask, f"{site.url}/ask/gate/{number}") for number in range(10)]
        posts = [pool.submit(ask, f"{site.url}/ask/gate/post{number}", "POST", b"x") for number in range(10)]
        until("all are in flight", lambda: upstream.statistics()["at_once"] == 20)
        kill(site)
        until("its connections are closed", lambda: upstream.statistics()["at_once"] < 20)
        upstream.open()
        assert [page.result().status for page in gets] == [200] * 10
        assert {page.result().status for page in posts} <= {200, 502}
        assert any(page.result().status == 502 for page in posts)
    posted = [request["target"] for request in upstream.seen() if request["method"] == "POST"]
    assert len(posted) == len(set(posted)) == 10
