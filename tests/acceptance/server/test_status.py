"""--status of a real server: from its start to its end, over a reload, and of several processes."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import sys

import pytest

from tests.acceptance.raw import start, until
from tests.harness.redis_server import redis_server


def ask(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8")
    finally:
        connection.close()


def port_of(server) -> int:
    line = server.process.wait_for_line(r"status at http://127.0.0.1:\d+/")
    return int(re.search(r":(\d+)/", line)[1])


@pytest.fixture
def begin(start_server):
    def begin(*words, text=""):
        server = start_server(text, words=["--status", "127.0.0.1:0", *words])
        return server, port_of(server)

    return begin


def test_probes_metrics_and_page_tell_what_the_server_does(begin, upstream):
    server, port = begin()
    until("it is ready", lambda: ask(port, "/readyz") == (200, "ok\n"))
    server.ask(upstream.url + "/gate?token=secret")
    until("it is seen in flight", lambda: "&lt;Request GET http" in ask(port, "/")[1])
    assert "secret" not in ask(port, "/")[1] + ask(port, "/api/status")[1]
    assert 'operations_inprogress{operation="REQUEST",process="0"} 1.0' in ask(port, "/metrics")[1]
    upstream.open()
    assert server.whole_answer()[0] == 200
    done = 'operations_completed_total{operation="REQUEST",process="0"} 1.0'
    until("it is counted", lambda: done in ask(port, "/metrics")[1])
    assert f"<td>{server.process.pid}</td>" in ask(port, "/")[1]


def test_it_is_not_ready_while_it_drains_and_alive_to_the_end(begin, upstream):
    server, port = begin()
    server.ask(upstream.url + "/gate")
    until("the upstream is asked", lambda: upstream.statistics()["at_once"])
    server.process.signal(signal.SIGTERM)
    server.process.wait_for_line("draining: 1 operations")
    assert ask(port, "/readyz") == (503, "draining: it takes no more messages\n")
    assert ask(port, "/livez")[0] == 200
    upstream.open()
    assert server.process.wait() == 0


def test_it_is_not_ready_while_redis_is_away_and_ready_when_it_is_back(tmp_path, start_server):
    with redis_server() as redis:
        (tmp_path / "away_settings.py").write_text(
            f"SECRET_KEY = 'x'\nCHANNEL_LAYERS = {{'default': {{'BACKEND': 'asgi_redis.RedisChannelLayer',"
            f" 'CONFIG': {{'hosts': [{redis.url!r}]}}}}}}\n"
        )
        process = start(tmp_path, "away_settings", "--status", "127.0.0.1:0")
        try:
            line = process.wait_for_line(r"status at http://127.0.0.1:\d+/")
            port = int(re.search(r":(\d+)/", line)[1])
            until("it is ready", lambda: ask(port, "/readyz")[0] == 200)
            redis.stop()
            until("it is not ready", lambda: ask(port, "/readyz")[0] == 503)
            assert ask(port, "/livez")[0] == 200
            assert ask(port, "/")[0] == 200
            redis.start()
            until("it is ready again", lambda: ask(port, "/readyz")[0] == 200)
        finally:
            process.end()


def test_over_a_reload_the_port_is_never_closed(start_server):
    with socket.create_server(("127.0.0.1", 0)) as finding:
        port = finding.getsockname()[1]
    server = start_server(words=["--status", f"127.0.0.1:{port}"])
    until("it is ready", lambda: ask(port, "/readyz")[0] == 200)
    server.process.signal(signal.SIGHUP)
    statuses = set()

    def has_ended():
        statuses.add(ask(port, "/livez")[0])  # raises where nobody listens
        return server.process.returncode is not None

    until("the old process has ended", has_ended)
    assert statuses == {200}
    assert ask(port, "/readyz")[0] == 200
    (successor,) = server.process.relatives()
    assert f"<td>{successor}</td>" in ask(port, "/")[1]
    os.kill(successor, signal.SIGTERM)
    until("the fresh process has ended", lambda: not server.process.relatives())


def test_the_parent_answers_for_its_processes(start_server):
    server = start_server(wait=False, words=["--processes", "2", "--status", "127.0.0.1:0"])
    port = port_of(server)
    until("both have reported", lambda: "2 processes, 2 ready" in ask(port, "/")[1])
    metrics = ask(port, "/metrics")[1]
    assert 'channels_async_ready{process="1"} 1.0' in metrics
    assert 'channels_async_ready{process="2"} 1.0' in metrics
    assert ask(port, "/readyz")[0] == 200
    assert server.process.output().count("status at ") == 1


def test_a_port_that_is_taken_ends_the_start_with_2_and_a_line(tmp_path, start_server):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for words in ([], ["--processes", "2"]):
            server = start_server(wait=False, words=["--status", f"127.0.0.1:{port}", *words])
            assert server.process.wait() == 2
            output = server.process.output()
            assert "Traceback" not in output
            assert f"server_trio: STATUS is '127.0.0.1:{port}': cannot listen there" in output


@pytest.mark.skipif(sys.platform != "linux", reason="asks under a path")
def test_a_unix_socket_is_gone_with_its_server(tmp_path, start_server):
    path = tmp_path / "status.sock"
    server = start_server(words=["--status", f"unix:{path}"])
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(path))
        asking.sendall(b"GET /livez HTTP/1.1\r\nHost: status\r\nConnection: close\r\n\r\n")
        assert asking.recv(12) == b"HTTP/1.1 200"
    server.process.signal(signal.SIGTERM)
    assert server.process.wait() == 0
    assert not path.exists()
