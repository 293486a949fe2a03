"""Real processes for the acceptance tests, each started once for as many tests as can share it."""

from __future__ import annotations

import os
import sys
from collections import Counter

import pytest

from tests.harness.redis_server import redis_server
from tests.harness.upstream import upstream_server

from .stack import serving

#: Files that take long for how few tests they have: begun first, or the run would end with one of them alone.
LONG = [
    "test_demo.py", "test_asyncdemo.py", "test_docs.py", "test_rolling_restart.py", "test_takeover.py",
    "test_processes.py", "test_redis_away.py", "test_memory.py", "test_forward_memory.py", "test_overload.py",
    "test_failures.py", "test_disconnect.py", "test_reload.py", "test_redis_back.py", "test_systemd.py",
]  # fmt: skip


def pytest_collection_modifyitems(items):
    tests = Counter(item.path for item in items)
    place = {name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: (place.get(item.path.name, len(LONG)), -tests[item.path], str(item.path)))


@pytest.fixture(scope="session")
def web_python() -> str:
    """The site's Python: CHANNELS_ASYNC_TEST_WEB_PYTHON (noxfile.py: a Python 2.7), else this one."""
    return os.environ.get("CHANNELS_ASYNC_TEST_WEB_PYTHON") or sys.executable


@pytest.fixture(scope="session")
def shared_upstream():
    with upstream_server() as server:
        yield server


@pytest.fixture
def upstream(shared_upstream):
    """The run's upstream, its statistics at zero."""
    shared_upstream.reset()
    return shared_upstream


@pytest.fixture(scope="session")
def shared_site(tmp_path_factory, web_python, shared_upstream):
    with (
        redis_server() as redis,
        serving(tmp_path_factory.mktemp("site"), web_python, redis, shared_upstream) as it,
    ):
        yield it


@pytest.fixture
def site(shared_site, upstream):
    """A site with a worker and a server, all of them alive before and after the test."""
    for process in shared_site.processes.values():
        assert process.returncode is None, f"{process.name} has ended:\n{process.output()}"
    yield shared_site
    for process in shared_site.processes.values():
        assert process.returncode is None, f"{process.name} has ended:\n{process.output()}"
