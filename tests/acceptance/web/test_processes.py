"""--processes under load: no browser notices that processes are replaced, or that one is killed."""

from __future__ import annotations

import os
import re
import signal
from collections import Counter

import pytest

from tests.acceptance.stack import serving
from tests.acceptance.web.test_rolling_restart import FEWEST, KINDS, Load
from tests.harness.redis_server import redis_server


@pytest.fixture
def own_site(tmp_path, web_python, upstream):
    with (
        redis_server() as redis,
        serving(tmp_path, web_python, redis, upstream, CHANNELS_ASYNC_PROCESSES="2") as it,
    ):
        it.processes["server"].wait_for_line("(^|server_trio.cli: )ready$")
        yield it


def test_no_request_fails_when_processes_are_replaced_one_by_one(own_site):
    server = own_site.processes["server"]
    with Load(own_site) as load:
        load.more(20)
        for count in (1, 2):
            server.signal(signal.SIGHUP)
            server.wait_for_line("all processes are replaced", count=count, timeout=120)
            load.more(20)
        load.more(max(20, FEWEST - len(load.seen)))
    assert {status for status, _ in load.seen} == {200}, Counter(load.seen)
    assert len({body for _, body in load.seen}) == len(KINDS)
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert server.relatives() == []


def test_no_request_that_may_be_repeated_fails_when_a_process_is_killed(own_site, monkeypatch):
    """Others were perhaps done already: they are answered 502, docs/guarantees.rst."""
    server = own_site.processes["server"]
    kinds = [("GET", "delay/0.3"), ("GET", "gzip")]
    monkeypatch.setattr("tests.acceptance.web.test_rolling_restart.KINDS", kinds)
    with Load(own_site) as load:
        load.more(20)
        for count in (1, 2):
            pid = int(re.search(r"pid (\d+)", server.wait_for_line("process 1 is pid", count=count))[1])
            os.kill(pid, signal.SIGKILL)
            server.wait_for_line("was ended by SIGKILL", count=count)
            load.more(30)
        server.wait_for_line("process 1 is pid", count=3)
    assert {status for status, _ in load.seen} == {200}, Counter(status for status, _ in load.seen)
