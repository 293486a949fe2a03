"""What a browser sees when a part is full, stopped or dead, and that the others go on."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.browser import ask
from tests.acceptance.raw import until
from tests.acceptance.stack import serving
from tests.harness.redis_server import redis_server

REQUEST_CHANNEL = "acceptance:request.async"  # the list in Redis, by the prefix of the site's settings


@pytest.fixture
def own_site(tmp_path, web_python, upstream):
    """A site of which the test may end what it likes."""
    with redis_server() as redis, serving(tmp_path, web_python, redis, upstream) as it:
        yield it


def test_a_full_channel_is_a_503_with_retry_after_and_the_worker_lives(own_site):
    server = own_site.processes["server"]
    server.signal(signal.SIGSTOP)
    # Names of messages that have expired; more than the capacity, for one may go to the stopped server.
    own_site.redis.command("RPUSH", REQUEST_CHANNEL, *[f"acceptance:gone{number}" for number in range(300)])
    page = ask(own_site.url + "/decorated/")
    assert page.status == 503
    assert int(page.header("retry-after")) > 0
    assert "sessionid" in page.cookies()
    assert ask(own_site.url + "/quick/").status == 200
    assert ask(own_site.url + "/raw/").status == 503
    server.signal(signal.SIGCONT)
    until("there is room", lambda: not own_site.redis.command("LLEN", REQUEST_CHANNEL))
    assert ask(own_site.url + "/ask/echo").status == 200


def test_a_worker_that_is_killed_takes_no_answer_with_it(own_site, upstream):
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, own_site.url + "/ask/gate")
        while not upstream.statistics()["at_once"]:
            assert not waiting.done(), waiting.result()
        os.killpg(own_site.processes["worker"].pid, signal.SIGKILL)
        assert own_site.processes["worker"].wait() == -signal.SIGKILL
        upstream.open()
        assert waiting.result().status == 200
    own_site.start_worker()
    assert ask(own_site.url + "/ask/echo").status == 200


def test_a_server_that_starts_late_answers_what_has_waited_for_it(own_site):
    own_site.processes["server"].signal(signal.SIGTERM)
    assert own_site.processes["server"].wait() == 0
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(ask, own_site.url + "/ask/echo") for _ in range(3)]
        while own_site.redis.command("LLEN", REQUEST_CHANNEL) != 3:
            assert not any(answer.done() for answer in waiting)
        own_site.start_server()
        assert [answer.result().status for answer in waiting] == [200, 200, 200]


def test_a_browser_that_leaves_harms_nobody(own_site, upstream):
    import socket

    with socket.create_connection(("127.0.0.1", int(own_site.url.rpartition(":")[2])), 10) as leaving:
        leaving.sendall(b"GET /ask/gate HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        until("the upstream is asked", lambda: upstream.statistics()["at_once"])
    until("the upstream is left", lambda: not upstream.statistics()["at_once"])
    assert ask(own_site.url + "/ask/echo").status == 200


def test_ending_the_server_leaves_no_process(own_site):
    server = own_site.processes["server"]
    assert ask(own_site.url + "/ask/echo").status == 200
    server.signal(signal.SIGINT)
    assert server.wait() == 0
    assert server.relatives() == []


def test_a_redis_that_is_restarted_takes_no_answer_with_it_and_the_site_goes_on(own_site, upstream):
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(ask, own_site.url + "/ask/gate") for _ in range(3)]
        while upstream.statistics()["at_once"] != 3:
            assert not any(answer.done() for answer in waiting)
        own_site.redis.kill()
        own_site.redis.start()
        upstream.open()
        assert [answer.result().status for answer in waiting] == [200] * 3
    # A worker of channels does not outlive its Redis; whoever watches it starts another one.
    assert own_site.processes["worker"].wait() != 0
    own_site.start_worker()
    for _ in range(5):
        assert ask(own_site.url + "/ask/echo").status == 200
