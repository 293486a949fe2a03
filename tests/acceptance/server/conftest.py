"""Servers without a site: they see only Redis and the upstream."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.acceptance.raw import Server


@pytest.fixture
def start_server(tmp_path, redis):
    """Starts a ready server; what is given is added to its settings module."""
    servers = []

    def begin(text: str = "", *, wait: bool = True, words: Sequence[str] = ()) -> Server:
        server = Server(tmp_path, redis, text, words)
        servers.append(server)
        if wait:
            server.wait_until_ready()
        return server

    yield begin
    for server in servers:
        status = server.process.end()
        print(f"--- server (ended with {status})\n{server.process.output()}")


@pytest.fixture
def server(start_server):
    """A ready server with settings of its own; alive before and after the test."""
    it = start_server()
    yield it
    assert it.process.returncode is None, it.process.output()
