"""Browsers that leave: what they waited for ends, wherever it runs and whoever hears of it."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import statistics
import time
from urllib.parse import quote

import pytest

from tests.acceptance import leaving as browsers
from tests.acceptance.browser import ask
from tests.acceptance.raw import until
from tests.acceptance.stack import serving
from tests.acceptance.websocket import connected
from tests.harness.processes import session_members
from tests.harness.redis_server import redis_server

#: Longer than any test waits, so that it is no deadline that ends an operation.
PATIENT = {f"CHANNELS_ASYNC_DEADLINES_{name}": "100" for name in ("REQUEST", "CALL", "COMMAND")}
PROMISED = 0.25  # seconds from the browser that leaves to the end of its operation, across two servers
TIMES = 9
READS_NOTHING = {**PATIENT, "CHANNELS_ASYNC_DISCONNECT_CHANNELS": ""}


@pytest.fixture
def start_site(tmp_path, web_python, upstream):
    """Starts a site without servers; what is given goes into the environment of its processes."""
    with contextlib.ExitStack() as stack:

        def begin(**more: str):
            redis = stack.enter_context(redis_server())
            return stack.enter_context(serving(tmp_path, web_python, redis, upstream, server=False, **more))

        yield begin


@contextlib.contextmanager
def browser(site, path: str):
    """A browser that waits for a page, and leaves at the end of the block."""
    with socket.create_connection(("127.0.0.1", int(site.url.rpartition(":")[2])), 20) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        yield


@contextlib.contextmanager
def leaving(site, path: str, begun):
    """A browser leaves whose operation runs on a server that reads no disconnects; another one does.

    `begun()` says when the operation runs. Afterwards its server must have given it up for that reason.
    """
    runs = site.start_server("runs", **READS_NOTHING)
    with browser(site, path):
        until("it is begun", begun)
        site.start_server("reads", **PATIENT)
    yield
    runs.wait_for_line("client_gone")
    assert ask(site.url + "/ask/echo").status == 200


def test_the_connection_to_the_upstream_is_closed(start_site, upstream):
    site = start_site()
    with leaving(site, "/ask/hang", lambda: upstream.statistics()["at_once"]):
        until("the connection is closed", lambda: upstream.statistics()["at_once"] == 0)


def test_the_processes_of_a_command_are_ended(start_site, tmp_path):
    site, file = start_site(), tmp_path / "group"
    with leaving(site, f"/command/family/?file={file}", lambda: file.exists() and file.read_text().strip()):
        group = int(file.read_text())
        until("the processes are gone", lambda: session_members(group) == [])


def test_a_function_is_cancelled(start_site, tmp_path):
    site, begun, ended = start_site(), tmp_path / "begun", tmp_path / "ended"
    arguments = quote(json.dumps([str(begun), str(ended)]))
    with leaving(site, f"/call/async_ops.until_cancelled/?args={arguments}", begun.exists):
        until("it has ended", ended.exists)


def test_what_still_waits_for_its_turn_is_not_begun(start_site, upstream):
    site = start_site()
    server = site.start_server(**PATIENT, CHANNELS_ASYNC_CONCURRENCY_TOTAL="1")
    with browser(site, "/ask/gate/first"):
        until("the only place is taken", lambda: upstream.statistics()["at_once"])
        with browser(site, "/ask/gate/second"):
            until("the second waits", lambda: site.redis.command("LLEN", "acceptance:request.async"))
        # asgi_redis's own counter of what has been sent there (asgi_redis/core.py:488-505)
        counter = "asgi-meta:http.disconnect:messages_count"
        until("daphne has told that it left", lambda: site.redis.command("GET", counter))
        until("the server has read it", lambda: not site.redis.command("LLEN", "acceptance:http.disconnect"))
        upstream.open()
        server.wait_for_line("client_gone")
    assert [request["target"] for request in upstream.seen()] == ["/gate/first"]


def test_a_site_that_consumes_them_itself_keeps_them_and_can_pass_them_on(start_site, upstream):
    site = start_site(ACCEPTANCE_DISCONNECTS="yes")
    server = site.start_server(**READS_NOTHING)
    with browser(site, "/ask/hang"):
        until("it is begun", lambda: upstream.statistics()["at_once"])
    site.processes["worker"].wait_for_line("http.disconnect of /ask/hang")
    server.wait_for_line("client_gone")
    until("the connection is closed", lambda: upstream.statistics()["at_once"] == 0)
    assert ask(site.url + "/ask/echo").status == 200
    site.processes["worker"].wait_for_line("http.disconnect of /ask/echo")


@pytest.mark.parametrize("who", ["the consumer", "the server"])
def test_a_websocket_that_is_closed_ends_what_it_asked_for(start_site, upstream, who):
    if who == "the consumer":
        site, more = start_site(ACCEPTANCE_DISCONNECTS="yes"), READS_NOTHING
    else:
        channels = "http.disconnect,websocket.disconnect"
        site, more = start_site(), {**PATIENT, "CHANNELS_ASYNC_DISCONNECT_CHANNELS": channels}
        # Workers listen there by themselves (channels/routing.py:46-61), and a message has one reader only.
        site.processes["worker"].signal(signal.SIGKILL)
        site.processes["worker"].wait()
        site.not_for_workers = ["websocket.disconnect"]
        site.start_worker()
    server = site.start_server(**more)
    with connected(site.url + "/fetch/") as websocket:
        websocket.send(json.dumps({"url": "/hang"}))
        until("it is begun", lambda: upstream.statistics()["at_once"])
    until("the connection is closed", lambda: upstream.statistics()["at_once"] == 0)
    server.wait_for_line("client_gone")


def test_across_two_servers_the_upstream_is_rid_of_it_in_the_time_that_is_promised(start_site):
    """Time is measured because a time is promised: the median, as this machine has others to serve."""
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        upstream.settimeout(20)
        site = start_site(ACCEPTANCE_UPSTREAM=f"http://127.0.0.1:{upstream.getsockname()[1]}")
        browsers.start_two_servers(site)
        seconds = [browsers.seconds_to_the_upstream(site, upstream) for _ in range(TIMES)]
    assert statistics.median(seconds) < PROMISED, seconds


def test_across_two_servers_a_command_is_killed_in_the_time_that_is_promised(start_site, tmp_path):
    site = start_site()
    browsers.start_two_servers(site)
    seconds = []
    for number in range(TIMES):
        file = tmp_path / str(number)
        with browsers.ask(site, f"/command/family/?file={file}"):
            until("it is begun", lambda file=file: file.exists() and file.read_text().strip())
            group = int(file.read_text())
        begun = time.perf_counter()
        until("the processes are gone", lambda group=group: session_members(group) == [])
        seconds.append(time.perf_counter() - begun)
    assert statistics.median(seconds) < PROMISED, seconds
